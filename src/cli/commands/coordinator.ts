import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Server } from "../../operations/kinds/server.ts";
import type { Change } from "../../operator/change.ts";
import type { Force, Migration } from "../../operator/migration.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { printChanges, requireAgent, requireSubject, type Signing, withSigning } from "../signing/signing.ts";

const VERIFY_MS = 10_000;
const POLL_MS = 200;
const COORDINATOR = "coordinator";

/** `lab coordinator migrate`: the new one has the role and runs it before the old one loses it. */
export async function run(ctx: CommandContext): Promise<number> {
  const target = ctx.flags.value("target");
  if (target === undefined) {
    throw new LabError("Usage", "where to?", { field: "target", hint: "lab coordinator migrate --target NODE" });
  }
  const force = readForce(ctx);
  await withSigning(ctx, { servers: [requireServerName(target, "target")] }, (signing) =>
    migrate(ctx, signing, target, force),
  );
  return 0;
}

function readForce(ctx: CommandContext): Force {
  const reason = ctx.flags.value("reason")?.trim() ?? "";
  if (!ctx.flags.on("force")) return "no";
  if (reason !== "") return { reason };
  throw new LabError("Usage", "--force needs --reason TEXT", { field: "reason", hint: '--reason "laptop died"' });
}

async function migrate(ctx: CommandContext, signing: Signing, target: string, force: Force): Promise<void> {
  const { session, connection } = signing;
  requireAgent(connection);
  const { describeMigration, planMigration } = await import("../../operator/migration.ts");
  requireSubject(session.context, target);
  const plan = planMigration(session.context, target, force);
  const say = sayer(ctx);
  if (plan.step === "has" && plan.from.length === 0) {
    say(`${target} is the only coordinator already`);
    await finish(ctx, signing, []);
    return;
  }
  say("Step 1: Plan");
  for (const line of describeMigration(plan, force)) say(`  ${line}`);
  say("");
  say("Step 2: Apply");
  const changes: Change[] = [];
  if (plan.step === "grant") {
    say(`  → Grant coordinator to ${target}`);
    changes.push(...(await relabel(ctx, signing, target, { add: [COORDINATOR] })));
  }
  say(`  → Verify that ${target} runs it`);
  await untilItRuns(connection, plan);
  for (const { name } of plan.from) {
    say(`  → Take coordinator from ${name}`);
    changes.push(...(await relabel(ctx, signing, name, { remove: [COORDINATOR], ...(force === "no" ? {} : force) })));
  }
  await finish(ctx, signing, changes);
}

/** At the last moment asked again: a role is taken with the end of its log named, and that may have grown. */
async function relabel(
  ctx: CommandContext,
  { session }: Signing,
  name: string,
  wishes: { readonly add?: readonly string[]; readonly remove?: readonly string[]; readonly reason?: string },
): Promise<readonly Change[]> {
  const { emptyPlan, planServer } = await import("../../operator/server-change.ts");
  const plan = emptyPlan();
  planServer(plan, name, requireSubject(await session.refresh({ servers: [name] }), name), wishes, ctx.io.now());
  if (plan.acts.length === 0) return plan.changes;
  const { acts, state } = await session.sign(plan);
  if (state === "waiting") throw unapproved(name, acts[0]?.entry.id ?? "", wishes.remove === undefined);
  return plan.changes;
}

/** The one step is signed, and the next may not be taken before it counts. */
function unapproved(name: string, entry: string, isGrant: boolean): LabError {
  const what = isGrant ? `${name} has no coordinator's role` : `${name} keeps the coordinator's role`;
  return new LabError("NotAuthorised", `${what} before others have signed, too`, {
    notes: [`signed here, and waiting: ${entry.slice(0, 12)}`],
    hint: `another operator: lab approve ${entry.slice(0, 12)}; then the same command again goes on from here`,
  });
}

async function untilItRuns(connection: Connection, { target, from }: Migration): Promise<void> {
  for (let waitedMs = 0; waitedMs <= VERIFY_MS; waitedMs += POLL_MS) {
    const { item } = (await connection.call("GET", `/v1/servers/${target}`)) as ItemDocument<Server>;
    if (item.roles.includes(COORDINATOR)) return;
    await sleep(POLL_MS);
  }
  const kept = from.length === 0 ? "" : `; ${from.map(({ name }) => name).join(", ")} keeps it, too`;
  throw new LabError("Timeout", `${target} has the label and did not run the role within 10 s${kept}`, {
    hint: `lab describe server ${target}; the same command again goes on from here`,
  });
}

/** For people the steps are the data; other formats get the changes alone. */
function sayer(ctx: CommandContext): (line: string) => void {
  const { name } = ctx.globals.format;
  return name === "table" || name === "wide" ? (line) => ctx.print(`${line}\n`) : (line) => ctx.note(line);
}

async function finish(ctx: CommandContext, { session }: Signing, changes: readonly Change[]): Promise<void> {
  const { name } = ctx.globals.format;
  if (name !== "table" && name !== "wide") await printChanges(ctx, session.context, changes);
}
