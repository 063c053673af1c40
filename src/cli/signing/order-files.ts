import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";

/** An entry has at most 64 KiB, and a signature file less. */
const MAX_BYTES = 128 * 1024;

/** Throws `InvalidFile` for a file that is not there or too large to be one of these. */
export function readSmallFile(ctx: CommandContext, path: string): Uint8Array {
  const file = resolve(ctx.io.cwd, path);
  try {
    const bytes = new Uint8Array(readFileSync(file));
    if (bytes.length <= MAX_BYTES) return bytes;
  } catch (cause) {
    throw new LabError(
      "InvalidFile",
      `${path} cannot be read`,
      { hint: "the file comes first, FILE.sig beside it" },
      { cause },
    );
  }
  throw new LabError("InvalidFile", `${path} is too large for an order or its signature`);
}
