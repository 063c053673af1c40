import { createInterface } from "node:readline";
import { LabError } from "../core/errors.ts";
import type { CommandContext } from "./command.ts";

function mayAsk({ globals, io }: CommandContext): boolean {
  return !globals.noInput && io.stdin.isTTY && io.stderr.isTTY === true;
}

/**
 * Asks for a yes at the terminal; `--yes` is one. Throws `ConfirmationNeeded` when nobody can be asked or the answer
 * is no.
 */
export async function confirm(ctx: CommandContext, question: string): Promise<void> {
  if (ctx.globals.yes) return;
  if (!mayAsk(ctx)) {
    throw new LabError("ConfirmationNeeded", question, { hint: "run it again with --yes" });
  }
  const answer = await readLine(ctx, `${question} [y/N] `, "shown");
  if (!/^y(es)?$/i.test(answer.trim())) throw new LabError("ConfirmationNeeded", "not confirmed, nothing was done");
}

/** A line that is not shown while it is typed. Throws `Usage` with the hint when nobody can be asked. */
export async function askHidden(ctx: CommandContext, prompt: string, hint: string): Promise<string> {
  if (!mayAsk(ctx)) throw new LabError("Usage", `${prompt}: nobody can be asked without a terminal`, { hint });
  return readLine(ctx, `${prompt}: `, "hidden");
}

function readLine({ io }: CommandContext, prompt: string, echo: "shown" | "hidden"): Promise<string> {
  io.stderr.write(prompt);
  return new Promise((resolve, reject) => {
    // Without an output nothing is echoed in raw mode.
    const output = echo === "shown" ? (io.stderr as NodeJS.WriteStream) : undefined;
    const reader = createInterface({ input: io.stdin, output, terminal: true });
    reader.once("SIGINT", () => {
      reader.close();
      io.stderr.write("\n");
      reject(new LabError("Interrupted", "interrupted"));
    });
    reader.once("line", (line) => {
      reader.close();
      if (echo === "hidden") io.stderr.write("\n");
      resolve(line);
    });
  });
}
