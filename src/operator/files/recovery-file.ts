import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { fromBase64, toBase64 } from "../../core/ssh/base64.ts";

/**
 * A recovery code that nobody has written down yet, beside the key of the operator who made it:
 * - `plain`: the words · `passphrase`: an age file of them, sealed with the passphrase of that key
 */
export type KeptCode =
  | { readonly kind: "plain"; readonly words: Secret }
  | { readonly kind: "passphrase"; readonly sealed: Uint8Array };

function recoveryFilePath(operatorDir: string, name: string): string {
  return join(operatorDir, "operators", `${name}.recovery`);
}

/** Durable when it returns. The directory of the key is there already; an older code of this key goes. */
export function replaceRecoveryFile(operatorDir: string, name: string, code: KeptCode): void {
  const content =
    code.kind === "plain"
      ? { v: 1, words: new TextDecoder().decode(code.words.reveal()) }
      : { v: 1, sealed: toBase64(code.sealed) };
  const path = recoveryFilePath(operatorDir, name);
  rmSync(`${path}.new`, { force: true });
  const file = openSync(`${path}.new`, "wx", 0o600);
  try {
    writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

/** Null where there is none. Throws `InvalidFile`. */
export function readRecoveryFile(operatorDir: string, name: string): KeptCode | null {
  const path = recoveryFilePath(operatorDir, name);
  if (!existsSync(path)) return null;
  const { v, words, sealed } = parse(readFileSync(path, "utf8"));
  const bytes = typeof sealed === "string" ? fromBase64(sealed) : null;
  if (v === 1 && bytes !== null) return { kind: "passphrase", sealed: bytes };
  if (v === 1 && typeof words === "string")
    return { kind: "plain", words: new Secret(new TextEncoder().encode(words)) };
  throw new LabError("InvalidFile", `${path} is not a recovery code that this release can read`, {
    hint: "restore it from a backup",
  });
}

export function removeRecoveryFile(operatorDir: string, name: string): void {
  rmSync(recoveryFilePath(operatorDir, name), { force: true });
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
