import { parseDurationMs } from "../../core/duration.ts";
import { LabError } from "../../core/errors.ts";
import type { Change } from "../../operator/change.ts";
import type { LostFrom, Removal } from "../../operator/removal.ts";
import type { KnownAuthority } from "../../operator/known-authority.ts";
import type { Order, Subjects } from "../../operator/session.ts";
import { confirm } from "../terminal/confirm.ts";
import type { CommandContext } from "../command.ts";
import { type Outcome, signOrWrite } from "./orders.ts";
import { ago } from "../render/text.ts";
import { wrapped } from "../render/wrapped.ts";
import { printChanges, requireAgent, type Signing } from "./signing.ts";

/** Lines of consequences that are told one by one. */
const MOST_TOLD = 20;

/** What a command wants to be cut, and what it signs besides. */
export interface Cutting {
  /** Hex. */
  readonly keys: readonly string[];
  /** `bob` and such, for questions. */
  readonly whom: string;
  readonly reason: string;
  /** Told on stdout; null where the command has other data. */
  readonly changes: readonly Change[] | null;
  /** Signed after the cuts, which are in their past. */
  readonly after?: Order;
}

/**
 * Asks every reachable member for what it has, so that the cut keeps it, and reads again what is known (`trust.md` §10).
 * To be called before anything is decided about who is cut.
 */
export async function gather(
  ctx: CommandContext,
  { session, connection }: Signing,
  subjects: Subjects = {},
): Promise<void> {
  requireAgent(connection);
  const { askPull } = await import("../../operator/requests.ts");
  ctx.note("asking every member for what it has …");
  const { members } = await askPull(connection);
  const silent = members.filter(({ state }) => state !== "asked");
  if (silent.length > 0) {
    const told = silent.map(({ name, lastHeard }) => {
      return `${name} (${lastHeard === null ? "never heard" : `heard ${ago(lastHeard, ctx.io.now())}`})`;
    });
    ctx.warn(`does not answer: ${told.join(", ")}`);
    ctx.note("  what only they have of the removed key will be void, until it is adopted");
  }
  await session.refresh(subjects);
}

/** Tells what would follow, asks where something is lost, and signs. */
export async function cutKeys(ctx: CommandContext, signing: Signing, cutting: Cutting): Promise<Outcome> {
  const { session, keys, connection } = signing;
  const { findEntry, planRemoval } = await import("../../operator/removal.ts");
  const plan = await planRemoval({ keys, courier: connection, known: session.known }, session.logWith("admin"), {
    keys: cutting.keys,
    from: readFrom(ctx, (text) => findEntry(session.known, text)),
    reason: cutting.reason,
    nowMs: ctx.io.now(),
  });
  const losses = tellOf(ctx, plan);
  const again = await choose(ctx, session.known, plan);
  if (losses.length > 0) await confirm(ctx, `Remove ${cutting.whom}?`, losses);
  const state = await signOrWrite(ctx, session, {
    acts: [...again, ...plan.cuts, ...(cutting.after?.acts ?? [])],
    writes: cutting.after?.writes ?? [],
  });
  if (state !== "written" && cutting.changes !== null) await printChanges(ctx, session.context, cutting.changes);
  return state;
}

/** The consequences on stderr, and in short for whoever has to confirm them. */
function tellOf(ctx: CommandContext, { lines, writes, leaving, again }: Removal): string[] {
  const losses = [
    ...(lines.length === 0 ? [] : [`${count(lines.length, "act")} of authority will be void`]),
    ...(writes.count === 0 ? [] : [`${count(writes.count, "write")} will be void`]),
    ...(leaving.length === 0 ? [] : [`leaving the mesh with it: ${leaving.join(", ")}`]),
  ];
  const told = [
    ...lines,
    ...writes.writes.map(({ writer, path, removes }) => `${writer}: ${removes ? "remove " : ""}${path}`),
  ];
  for (const loss of losses) ctx.warn(loss);
  for (const line of told.slice(0, MOST_TOLD)) for (const part of wrapped(`  void: ${line}`, 4)) ctx.note(part);
  if (told.length > MOST_TOLD) ctx.note(`  … and ${told.length - MOST_TOLD} more`);
  if (again.length > 0) ctx.warn(`${count(again.length, "revocation")} among it: what was taken away would be back`);
  return losses;
}

/** Revocations that would be undone are said again, unless somebody decides otherwise. */
async function choose(ctx: CommandContext, known: KnownAuthority, { again }: Removal): Promise<Removal["again"]> {
  if (again.length === 0) return [];
  if (ctx.flags.on("no-resign")) {
    ctx.warn("they are not signed again, as --no-resign says");
    return [];
  }
  const { describeActs } = await import("../../operator/removal.ts");
  for (const line of describeActs(known, again)) ctx.note(`  signed again in this step: ${line}`);
  return again;
}

/** `--from`: a time, an age, or the beginning of an entry's hash. Throws `Usage`. */
function readFrom(ctx: CommandContext, find: (text: string) => string | null): LostFrom | null {
  const text = ctx.flags.value("from");
  if (text === undefined) return null;
  if (/^[0-9a-f]{64}$/.test(text)) return { entry: text };
  const entry = /^[0-9a-f]{8,}$/.test(text) ? find(text) : null;
  if (entry !== null) return { entry };
  if (/^\d+[a-z]/.test(text)) return { atMs: ctx.io.now() - parseDurationMs(text, "from") };
  const atMs = Date.parse(text);
  if (!Number.isNaN(atMs) && text.includes("-")) return { atMs };
  throw new LabError("Usage", `--from cannot be "${text}"`, {
    field: "from",
    hint: "an age (2h), a time (2026-03-15T14:00:00Z), or the hash of an entry (lab get audit -o wide)",
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
