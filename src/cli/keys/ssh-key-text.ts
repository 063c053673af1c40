import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { MalformedError } from "../../core/encoding.ts";
import { LabError } from "../../core/errors.ts";
import { readSshKeyLine, type SshKey } from "../../core/ssh/public-key.ts";
import type { CommandContext } from "../command.ts";

/** A public key as a line or in a file. Throws `Invalid` that names the flag. */
export function readSshKeyText(ctx: CommandContext, line: string, flag: string): SshKey {
  const path = resolve(ctx.io.cwd, line);
  const text = !line.includes(" ") && existsSync(path) ? readFileSync(path, "utf8") : line;
  try {
    return readSshKeyLine(text);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    const hint = "the line of a .pub file: ssh-ed25519 AAAA… bob@desk";
    throw new LabError("Invalid", `--${flag}: ${cause.message}`, { field: flag, hint }, { cause });
  }
}
