import { createInterface } from "node:readline";
import { LabError } from "../core/errors.ts";
import type { CommandContext } from "./command.ts";

function mayAsk({ globals, io }: CommandContext): boolean {
  return !globals.noInput && io.stdin.isTTY && io.stderr.isTTY === true;
}

/** A line that is not shown while it is typed. Throws `Usage` with the hint when nobody can be asked. */
export async function askHidden(ctx: CommandContext, prompt: string, hint: string): Promise<string> {
  if (!mayAsk(ctx)) throw new LabError("Usage", `${prompt}: nobody can be asked without a terminal`, { hint });
  return readHidden(ctx, `${prompt}: `);
}

function readHidden({ io }: CommandContext, prompt: string): Promise<string> {
  io.stderr.write(prompt);
  return new Promise((resolve, reject) => {
    // A terminal without an output to echo to.
    const reader = createInterface({ input: io.stdin, terminal: true });
    reader.once("SIGINT", () => {
      reader.close();
      io.stderr.write("\n");
      reject(new LabError("Interrupted", "interrupted"));
    });
    reader.once("line", (line) => {
      reader.close();
      io.stderr.write("\n");
      resolve(line);
    });
  });
}
