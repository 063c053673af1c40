import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { askHidden, mayAsk } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";

const VARIABLE = "LAB_OPERATOR_PASSPHRASE_FILE";
const ATTEMPTS = 3;

/** Tells the passphrase of a key: from the file that the environment names, else from whoever sits at the terminal. */
export async function readPassphrase(ctx: CommandContext, name: string, attempt: number): Promise<Secret | null> {
  const file = ctx.io.env[VARIABLE];
  if (file) return attempt > 1 ? null : passphraseInFile(resolve(ctx.io.cwd, file));
  if (attempt > ATTEMPTS) return null;
  const before = attempt === 1 ? typed.get(ctx) : undefined;
  if (before?.name === name) return secretText(before.text);
  const again = attempt > 1 ? "Wrong. " : "";
  const text = await askHidden(ctx, `${again}Passphrase of ${name}'s key`, `${VARIABLE}=FILE`);
  typed.set(ctx, { name, text });
  return secretText(text);
}

/** A command that opens a key twice asks once. */
const typed = new WeakMap<CommandContext, { readonly name: string; readonly text: string }>();

/** For a new key: null for none, where nobody can be asked or nobody wants one. */
export async function chooseNewPassphrase(ctx: CommandContext, name: string): Promise<Secret | null> {
  const file = ctx.io.env[VARIABLE];
  if (file) return passphraseInFile(resolve(ctx.io.cwd, file));
  if (!mayAsk(ctx)) return null;
  return askNewPassphrase(ctx, `Passphrase for ${name}'s key (empty: none)`, `${VARIABLE}=FILE`);
}

/** Asks twice; null for an empty one. */
export async function askNewPassphrase(ctx: CommandContext, prompt: string, hint: string): Promise<Secret | null> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const first = await askHidden(ctx, prompt, hint);
    if (first === "") return null;
    if (first === (await askHidden(ctx, "The same again", hint))) return secretText(first);
    ctx.warn("these were two different ones");
  }
  throw new LabError("Usage", "no passphrase was typed the same twice", { hint });
}

/** The first line of a file that only its owner and group can read. */
export function passphraseInFile(path: string): Secret {
  let text: string;
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o007) !== 0) {
      throw new LabError("NotAuthorised", `${path} can be read by everybody`, { hint: `chmod 600 ${path}` });
    }
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "does not exist" : `cannot be read: ${code}`;
    throw new LabError("InvalidFile", `${path} ${why}`, { field: VARIABLE, hint: `${VARIABLE}=FILE` }, { cause });
  }
  const [line = ""] = text.split(/\r?\n/);
  if (line !== "") return secretText(line);
  throw new LabError("InvalidFile", `the first line of ${path} is empty`, { hint: "a passphrase has to stand there" });
}

function secretText(text: string): Secret {
  return new Secret(new TextEncoder().encode(text));
}
