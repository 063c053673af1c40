import { LabError } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";

/**
 * Of scrypt in an age file, base-2 logarithm: 128 MiB and half a second for each guess, what OWASP's password storage
 * sheet asks for at least. One more doubles what every command with this key waits.
 */
const WORK_FACTOR = 17;
/** Seals to a passphrase, as an age file that `age -d` opens, too. */
export async function sealWithPassphrase(secret: Secret, passphrase: Secret): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setScryptWorkFactor(WORK_FACTOR);
  encrypter.setPassphrase(textOf(passphrase));
  return encrypter.encrypt(secret.reveal());
}

/** Null for a wrong passphrase. Throws `InvalidFile` for what no passphrase opens. */
export async function openWithPassphrase(sealed: Uint8Array, passphrase: Secret): Promise<Secret | null> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addPassphrase(textOf(passphrase));
  try {
    return new Secret(await decrypter.decrypt(sealed));
  } catch (cause) {
    // The library's word for a passphrase that is not the file's.
    if (cause instanceof Error && cause.message.startsWith("no identity matched")) return null;
    throw new LabError("InvalidFile", "what the passphrase protects is damaged", { hint: "restore it from a backup" });
  }
}

function textOf(passphrase: Secret): string {
  return new TextDecoder().decode(passphrase.reveal());
}
