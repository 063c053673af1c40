import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { Order, Session, Signed } from "../../operator/session.ts";
import type { CommandContext } from "../command.ts";
import { wrapped } from "../render/wrapped.ts";

/** - `written`: to files, for a key that lies elsewhere */
export type Outcome = Signed["state"] | "written";

/** Signs, or with `--out FILE` writes what has to be signed: FILE, or FILE.1, FILE.2 … where it takes several acts. */
export async function signOrWrite(ctx: CommandContext, session: Session, order: Order): Promise<Outcome> {
  const out = ctx.flags.value("out");
  if (out === undefined) return (await session.sign(order)).state;
  if ((order.writes ?? []).length > 0) {
    throw new LabError("Usage", "this changes desired state, too, which is signed on the device of its operator", {
      field: "out",
      hint: "leave --out away",
    });
  }
  const { writeOrder, describeOrder } = await import("../../operator/order.ts");
  const drafts = session.draft(order.acts ?? []);
  const path = resolve(ctx.io.cwd, out);
  const files = drafts.map((_, i) => (drafts.length === 1 ? path : `${path}.${i + 1}`));
  const nameOf = (id: string) => session.known.authority.nodes.get(id)?.name ?? id.slice(0, 12);
  for (const [i, draft] of drafts.entries()) {
    writeFileSync(files[i] as string, writeOrder(draft), { mode: 0o644 });
    for (const line of wrapped(`${files[i]}: ${describeOrder(draft, nameOf)}`, 2)) ctx.note(line);
  }
  ctx.note("nothing is signed. Next, where the key is, one of");
  ctx.note(`  lab sign ${files.join(" ")}`);
  for (const file of files) ctx.note(`  ssh-keygen -Y sign -n lab@authority -f KEY ${file}`);
  ctx.note("and then, at any member:");
  ctx.note(`  lab submit ${files.join(" ")}`);
  return "written";
}
