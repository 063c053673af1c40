import { LabError } from "../../core/errors.ts";
import { askLine, mayAsk } from "./ask.ts";
import type { CommandContext } from "../command.ts";

/** Goes on after a yes, at the terminal or by `--yes`. Throws `ConfirmationNeeded` where nobody can be asked. */
export async function confirm(ctx: CommandContext, question: string, why: readonly string[]): Promise<void> {
  if (ctx.globals.yes) return;
  if (mayAsk(ctx)) {
    const answer = (await askLine(ctx, `${question} [y/N]`, "--yes")).trim().toLowerCase();
    if (answer === "y" || answer === "yes") return;
    throw new LabError("Interrupted", "nothing was signed");
  }
  throw new LabError("ConfirmationNeeded", `${question} Nothing was signed`, { notes: why, hint: "--yes" });
}
