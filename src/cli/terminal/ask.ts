import { createInterface } from "node:readline";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";

/** Whether somebody sits at the terminal who may be asked. */
export function mayAsk({ globals, io }: CommandContext): boolean {
  return !globals.noInput && io.stdin.isTTY && io.stderr.isTTY === true;
}

/** A line that is not shown while it is typed. Throws `Usage` with the hint when nobody can be asked. */
export async function askHidden(ctx: CommandContext, prompt: string, hint: string): Promise<string> {
  requireAsking(ctx, prompt, hint);
  return readLine(ctx, `${prompt}: `, "hidden");
}

/** A line that is shown while it is typed. */
export async function askLine(ctx: CommandContext, prompt: string, hint: string): Promise<string> {
  requireAsking(ctx, prompt, hint);
  return readLine(ctx, `${prompt}: `, "shown");
}

function requireAsking(ctx: CommandContext, prompt: string, hint: string): void {
  if (!mayAsk(ctx)) throw new LabError("Usage", `${prompt}: nobody can be asked without a terminal`, { hint });
}

function readLine({ io }: CommandContext, prompt: string, echo: "shown" | "hidden"): Promise<string> {
  return new Promise((resolve, reject) => {
    // Hidden: a terminal without an output to echo to.
    const output = echo === "shown" ? { output: io.stderr as NodeJS.WritableStream } : {};
    const reader = createInterface({ input: io.stdin, terminal: true, prompt, ...output });
    if (echo === "shown") reader.prompt();
    else io.stderr.write(prompt);
    let answered = false;
    const end = (settle: () => void) => {
      if (answered) return;
      answered = true;
      reader.close();
      if (echo === "hidden") io.stderr.write("\n");
      settle();
    };
    reader.once("SIGINT", () => end(() => reject(new LabError("Interrupted", "interrupted"))));
    reader.once("line", (line) => end(() => resolve(line)));
    // Ctrl-D on an empty line: nothing was said.
    reader.once("close", () => end(() => resolve("")));
  });
}
