import { ascii, concat, equalBytes } from "../bytes.ts";
import { MalformedError } from "../encoding.ts";
import type { Keys, VerifyItem } from "../ports/keys.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { readSshKeyBlob, SSH_ED25519, SSH_SK_ED25519, sshKeyBlob } from "./public-key.ts";
import { SshReader, sshString, sshUint32 } from "./wire.ts";

/**
 * Signatures of OpenSSH: what `ssh-keygen -Y sign` writes, with a key in a file, in an agent, or on a FIDO2 token
 * (`PROTOCOL.sshsig`, `PROTOCOL.u2f` of OpenSSH). The log names the 32 bytes of the Ed25519 key; the application of a
 * token's key stands in the signature. One way of writing each: everything else is refused.
 */
export interface SshSignature {
  /** The 32 bytes of the Ed25519 key. */
  readonly publicKey: Uint8Array;
  readonly namespace: string;
  readonly hash: SshHash;
  readonly signature: Uint8Array;
  /** Of a key on a FIDO2 token; null for one in a file or an agent. */
  readonly token: { readonly application: string; readonly flags: number; readonly counter: number } | null;
}

export type SshHash = "sha256" | "sha512";

const MAGIC = ascii("SSHSIG");
const VERSION = 1;
/** Applications of SSH keys begin like this: a token's key for a web site never signs for us, whatever it is shown. */
const APPLICATION_PREFIX = "ssh:";
/** Somebody touched the token (CTAP2, authenticator data). */
const FLAG_USER_PRESENT = 0x01;

type Hashes = Pick<Keys, "hash" | "hash512">;

/** What OpenSSH signs for a message, or a FIDO2 token in turn wraps once more. */
export function sshSignedData(keys: Hashes, namespace: string, hash: SshHash, message: Uint8Array): Uint8Array {
  const digest = hash === "sha512" ? keys.hash512(message) : keys.hash(message);
  return concat(MAGIC, text(namespace), text(""), text(hash), sshString(digest));
}

/** The question to an Ed25519 verifier that a signature comes to. */
export function sshVerification(keys: Hashes, ssh: SshSignature, message: Uint8Array): VerifyItem {
  const signed = sshSignedData(keys, ssh.namespace, ssh.hash, message);
  if (ssh.token === null) return { publicKey: ssh.publicKey, message: signed, signature: ssh.signature };
  const { application, flags, counter } = ssh.token;
  const wrapped = concat(keys.hash(ascii(application)), Uint8Array.of(flags), sshUint32(counter), keys.hash(signed));
  return { publicKey: ssh.publicKey, message: wrapped, signature: ssh.signature };
}

/** The bytes within the armour of a signature file. */
export function encodeSshSignature(ssh: SshSignature): Uint8Array {
  const { publicKey, namespace, hash, signature, token } = ssh;
  const made = concat(text(token === null ? SSH_ED25519 : SSH_SK_ED25519), sshString(signature));
  const touched = token === null ? [] : [Uint8Array.of(token.flags), sshUint32(token.counter)];
  return concat(
    MAGIC,
    sshUint32(VERSION),
    sshString(sshKeyBlob({ key: publicKey, application: token?.application ?? null })),
    text(namespace),
    text(""),
    text(hash),
    sshString(concat(made, ...touched)),
  );
}

/** Strict inverse of {@link encodeSshSignature}: throws {@link MalformedError} for anything that it does not write. */
export function decodeSshSignature(bytes: Uint8Array): SshSignature {
  const input = new SshReader(bytes);
  if (!equalBytes(input.raw(MAGIC.length), MAGIC)) throw new MalformedError("not a signature of OpenSSH");
  if (input.uint32() !== VERSION) throw new MalformedError("a signature of OpenSSH of another version");
  const key = readSshKeyBlob(input.string());
  if (key === null) throw new MalformedError("only Ed25519 keys sign here");
  const { application } = key;
  const namespace = input.text();
  if (input.text() !== "") throw new MalformedError("a signature of OpenSSH with something reserved");
  const hash = input.text();
  if (hash !== "sha256" && hash !== "sha512") throw new MalformedError(`the hash "${hash}" is not known`);
  const made = new SshReader(input.string());
  if (made.text() !== (application === null ? SSH_ED25519 : SSH_SK_ED25519)) {
    throw new MalformedError("key and signature are of two types");
  }
  const signature = made.string();
  const token = application === null ? null : { application, flags: made.byte(), counter: made.uint32() };
  made.end();
  input.end();
  if (signature.length !== 64) throw new MalformedError("an Ed25519 signature has 64 bytes");
  if (token !== null && !token.application.startsWith(APPLICATION_PREFIX)) {
    throw new MalformedError(`a token's key for "${token.application}", not for SSH`);
  }
  if (token !== null && (token.flags & FLAG_USER_PRESENT) === 0) throw new MalformedError("nobody touched the token");
  return { publicKey: key.key, namespace, hash, signature, token };
}

const ARMOUR_BEGIN = "-----BEGIN SSH SIGNATURE-----";
const ARMOUR_END = "-----END SSH SIGNATURE-----";

/** The bytes in a file as `ssh-keygen -Y sign` writes it. Throws {@link MalformedError}. */
export function readSshArmour(file: string): Uint8Array {
  const lines = file.trim().split(/\r?\n/);
  if (lines[0] !== ARMOUR_BEGIN || lines.at(-1) !== ARMOUR_END || lines.length < 3) {
    throw new MalformedError("not a signature file of ssh-keygen");
  }
  const bytes = fromBase64(lines.slice(1, -1).join(""));
  if (bytes === null) throw new MalformedError("the signature file is damaged");
  return bytes;
}

export function writeSshArmour(bytes: Uint8Array): string {
  return [ARMOUR_BEGIN, ...(toBase64(bytes).match(/.{1,70}/g) ?? []), ARMOUR_END, ""].join("\n");
}

function text(value: string): Uint8Array {
  return sshString(ascii(value));
}
