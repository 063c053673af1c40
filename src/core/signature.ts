import { equalBytes } from "./bytes.ts";
import { MalformedError } from "./encoding.ts";
import type { Keys, VerifyItem } from "./ports/keys.ts";
import { decodeSshSignature, type SshSignature, sshVerification } from "./ssh/sshsig.ts";

/**
 * Signatures of people's keys, wherever those lie: in a file, in an SSH agent, on a FIDO2 token. A scheme that is not
 * known makes a signature that does not count.
 */
export interface Signature {
  readonly scheme: number;
  readonly bytes: Uint8Array;
}

export const SCHEME_ED25519 = 1;
/** A signature of OpenSSH by an Ed25519 key. */
const SCHEME_SSH_ED25519 = 2;
/** A signature of OpenSSH by an Ed25519 key on a FIDO2 token. */
const SCHEME_SSH_SK_ED25519 = 3;

/** What a signature is about. */
export interface Signable {
  /** Of `ssh-keygen -Y sign -n`; null for what no SSH key signs. */
  readonly namespace: string | null;
  /** Begins with a domain of its own. */
  readonly message: Uint8Array;
}

type Hashes = Pick<Keys, "hash" | "hash512">;

/** What an Ed25519 verifier has to be asked about a signature of `key`; null if it cannot be a good one. */
export function verificationOf(
  keys: Hashes,
  key: Uint8Array,
  { namespace, message }: Signable,
  { scheme, bytes }: Signature,
): VerifyItem | null {
  if (scheme === SCHEME_ED25519) return { publicKey: key, message, signature: bytes };
  if ((scheme !== SCHEME_SSH_ED25519 && scheme !== SCHEME_SSH_SK_ED25519) || namespace === null) return null;
  try {
    const ssh = decodeSshSignature(bytes);
    const fits = schemeOf(ssh) === scheme && ssh.namespace === namespace;
    return fits && equalBytes(ssh.publicKey, key) ? sshVerification(keys, ssh, message) : null;
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** True if this is a good signature of `key`. */
export function isSigned(
  keys: Hashes & Pick<Keys, "verify">,
  key: Uint8Array,
  signable: Signable,
  signature: Signature,
): boolean {
  const item = verificationOf(keys, key, signable, signature);
  return item !== null && keys.verify(item.publicKey, item.message, item.signature);
}

/** The signature that a file of `ssh-keygen -Y sign` is, armour removed. Throws {@link MalformedError}. */
export function sshSignature(bytes: Uint8Array): Signature {
  return { scheme: schemeOf(decodeSshSignature(bytes)), bytes };
}

function schemeOf({ token }: SshSignature): number {
  return token === null ? SCHEME_SSH_ED25519 : SCHEME_SSH_SK_ED25519;
}
