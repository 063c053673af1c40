import { LabError, NotFoundError } from "../../core/errors.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import type { Change } from "../../operator/change.ts";
import type { OperatorContext, Subject } from "../../operator/requests.ts";
import type { Session, Subjects } from "../../operator/session.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { unlockKey } from "../keys/operator-key.ts";
import { paint } from "../render/paint.ts";
import { printList } from "../render/document.ts";
import type { View } from "../render/view.ts";

/** What a command that signs works with. */
export interface Signing {
  readonly session: Session;
  readonly keys: Keys;
  readonly random: Random;
  readonly connection: Connection;
}

/**
 * Opens a session of the operator's key over the agent that is meant, or over a connection that is open, and closes it
 * whatever happens.
 */
export async function withSigning<T>(
  ctx: CommandContext,
  subjects: Subjects,
  run: (signing: Signing) => Promise<T>,
  open?: Connection,
): Promise<T> {
  const [connection, { openPlatform }, { openSession }] = await Promise.all([
    open ?? ctx.connect("replica"),
    import("../node-door.ts"),
    import("../../operator/session.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const session = await openSession(
    {
      keys,
      operatorDir: ctx.place.operatorDir,
      operator: ctx.io.env["LAB_OPERATOR"] || undefined,
      courier: connection,
      unlock: (key) => unlockKey(ctx, keys, key),
      now: () => ctx.io.now(),
      note: (text) => ctx.note(text),
    },
    subjects,
  );
  try {
    return await run({ session, keys, random, connection });
  } finally {
    session.close();
  }
}

/** For what cannot wait in the outbox. Throws `NoAgent` where only a home answers. */
export function requireAgent({ via, address }: Connection): void {
  if (via === "agent") return;
  throw new LabError("NoAgent", `no agent runs on ${address}`, { hint: "lab agent --detach" });
}

/** A server that is a member. Throws `NotFound` with the nearest names. */
export function requireSubject(context: OperatorContext, name: string): Subject {
  const subject = context.servers[name];
  if (!subject) throw new NotFoundError("server", name, context.nearest[name]);
  if (subject.state === "active") return subject;
  const why = subject.state === "cut" ? "was removed" : "is suspended: two machines redeemed its token";
  throw new LabError("NotFound", `server "${name}" is no member: it ${why}`, { hint: "lab get servers" });
}

const VIEW: View<Change> = {
  columns: [
    { header: "ACTION", cell: ({ action }) => action },
    { header: "KIND", cell: ({ kind }) => kind },
    { header: "NAME", cell: ({ name }) => name },
    { header: "FIELD", cell: ({ field }) => field ?? "" },
    { header: "FROM", cell: ({ from }) => text(from) },
    { header: "TO", cell: ({ to }) => text(to) },
  ],
  name: ({ kind, name }) => `${kind}/${name}`,
  empty: { text: "no changes" },
};

function text(value: unknown): string {
  return value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

/** `+ server web-1 label prod`, a line for each; `no changes` when there is none. */
export async function printChanges(
  ctx: CommandContext,
  { meta }: Pick<OperatorContext, "meta">,
  changes: readonly Change[],
): Promise<void> {
  const { name } = ctx.globals.format;
  if (name !== "table" && name !== "wide") {
    await printList(ctx, { kind: "ChangeList", meta, items: changes }, VIEW);
    return;
  }
  const { describeChange } = await import("../../operator/change.ts");
  const { wrapped } = await import("../render/wrapped.ts");
  const told = changes.flatMap((change) => wrapped(describeChange(change), 4));
  const lines = changes.length === 0 ? ["no changes"] : told;
  ctx.print(lines.map((line) => `${paint(line, ctx.io.color)}\n`).join(""));
}
