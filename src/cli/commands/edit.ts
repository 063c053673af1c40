import { LabError, NotFoundError } from "../../core/errors.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { Declarations } from "../../operator/declarations/read.ts";
import type { CommandContext } from "../command.ts";
import { fetchEnvelopes, yamlOf } from "../declarations/declared-yaml.ts";
import { EditedText } from "../terminal/editor.ts";
import { printChanges } from "../signing/signing.ts";
import { digest, signOutlook } from "../declarations/wishes.ts";

/** `lab edit KIND NAME`: the declaration in an editor, again until it is valid or left as it was. */
export async function run(ctx: CommandContext): Promise<number> {
  const kind = ctx.args.one("KIND") as Kind;
  const name = ctx.args.one("NAME");
  const connection = await ctx.connect();
  const [{ envelopes, state }, { lookAtEdit, readEdited }] = await Promise.all([
    fetchEnvelopes(connection, kind, [name]),
    import("../../operator/declarations/edit.ts"),
  ]);
  const [envelope] = envelopes;
  if (envelope === undefined) throw new NotFoundError(kind, name);
  const text = new EditedText(ctx, `${kind}-${name.replaceAll("/", "-")}.yaml`);
  try {
    const shown = await yamlOf([envelope], kind, "envelopes");
    const declarations = editUntilValid(text, shown, (edited) => readEdited(kind, name, edited));
    if (declarations === null) {
      await printChanges(ctx, state, []);
      return 0;
    }
    const edited = { kind, name, shown: readEdited(kind, name, shown).get(kind)?.get(name)?.spec, declarations };
    const look = () => lookAtEdit(connection, edited, digest);
    const done = await signOutlook(ctx, connection, await look(), { look, fixed: false });
    await printChanges(ctx, done.state, done.plan.changes);
    return 0;
  } finally {
    text.close();
  }
}

/** Null if the text was left as it was, or emptied. What is wrong stands above it the next time. */
function editUntilValid(text: EditedText, shown: string, read: (edited: string) => Declarations): Declarations | null {
  let offered = shown;
  for (;;) {
    const edited = withoutComments(text.edit(offered));
    if (edited === shown || edited.trim() === "") return null;
    try {
      return read(edited);
    } catch (error) {
      // Left as it was with its faults: the person, or the program that edits, gives up.
      if (!(error instanceof LabError) || edited === withoutComments(offered)) throw error;
      offered = `${faultLines(error)}${edited}`;
    }
  }
}

const FAULT = "#! ";

function faultLines({ message, facts }: LabError): string {
  const lines = ["not applied, because of what follows; empty the file to give up", message, ...(facts.notes ?? [])];
  return lines.map((line) => `${FAULT}${line}\n`).join("");
}

function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(FAULT))
    .join("\n");
}
