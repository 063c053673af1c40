import { LabError } from "../core/errors.ts";
import type { Secret } from "../core/secret.ts";
import { readRecoveryFile, replaceRecoveryFile } from "./files/recovery-file.ts";
import { openWithPassphrase, sealWithPassphrase } from "./passphrase.ts";

/** The words that lie beside a key, opened with the key's passphrase; null where there are none. */
export async function openKeptCode(
  operatorDir: string,
  name: string,
  passphrase: Secret | null,
): Promise<Secret | null> {
  const kept = readRecoveryFile(operatorDir, name);
  if (kept === null) return null;
  if (kept.kind === "plain") return kept.words;
  const words = passphrase === null ? null : await openWithPassphrase(kept.sealed, passphrase);
  if (words !== null) return words;
  throw new LabError("NotAuthorised", `the passphrase of ${name}'s key does not open the recovery code beside it`, {
    hint: "restore both files from one backup",
  });
}

/** Keeps the words under another passphrase, or none. */
export async function keepCode(
  operatorDir: string,
  name: string,
  words: Secret,
  passphrase: Secret | null,
): Promise<void> {
  const code =
    passphrase === null
      ? ({ kind: "plain", words } as const)
      : ({ kind: "passphrase", sealed: await sealWithPassphrase(words, passphrase) } as const);
  replaceRecoveryFile(operatorDir, name, code);
}
