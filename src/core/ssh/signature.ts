import { ascii, concat } from "../bytes.ts";
import { MalformedError } from "../encoding.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { readSshKeyBlob, SSH_ED25519, SSH_SK_ED25519, type SshKey, sshKeyBlob } from "./public-key.ts";
import { SshReader, sshString, sshUint32 } from "./wire.ts";

/** Signatures of files as `ssh-keygen -Y sign` makes them (OpenSSH's PROTOCOL.sshsig), by Ed25519 keys. */

const MAGIC = ascii("SSHSIG");
const VERSION = 1;

export type SshsigHash = "sha256" | "sha512";

export interface Sshsig {
  readonly key: SshKey;
  readonly namespace: string;
  readonly hash: SshsigHash;
  /** The key's signature over {@link sshsigMessage}. */
  readonly signature: SshSignature;
}

/** What an Ed25519 key says; a FIDO2 token adds what it knows of the moment (PROTOCOL.u2f). */
export interface SshSignature {
  /** 64 bytes. */
  readonly bytes: Uint8Array;
  readonly token: { readonly flags: number; readonly counter: number } | null;
}

/** What the key signs: a digest of the file, and for what purpose. */
export function sshsigMessage(namespace: string, hash: SshsigHash, digest: Uint8Array): Uint8Array {
  const nothing = sshString(new Uint8Array(0));
  return concat(MAGIC, sshString(ascii(namespace)), nothing, sshString(ascii(hash)), sshString(digest));
}

export function encodeSshsig({ key, namespace, hash, signature }: Sshsig): Uint8Array {
  return concat(
    MAGIC,
    sshUint32(VERSION),
    sshString(sshKeyBlob(key)),
    sshString(ascii(namespace)),
    sshString(new Uint8Array(0)),
    sshString(ascii(hash)),
    sshString(encodeSshSignature(signature)),
  );
}

/** Throws {@link MalformedError}, also for signatures by keys of other kinds. */
export function decodeSshsig(bytes: Uint8Array): Sshsig {
  const reader = new SshReader(bytes);
  if (reader.raw(MAGIC.length).some((byte, i) => byte !== MAGIC[i])) throw new MalformedError("not an SSH signature");
  const version = reader.uint32();
  if (version !== VERSION) throw new MalformedError(`SSH signature version ${version} is not known`);
  const key = readSshKeyBlob(reader.string());
  if (key === null) throw new MalformedError("the signature is not by an Ed25519 key");
  const namespace = reader.text();
  if (reader.string().length > 0) throw new MalformedError("an SSH signature with a reserved member");
  const hash = reader.text();
  if (hash !== "sha256" && hash !== "sha512") throw new MalformedError(`hash ${hash} is not known`);
  const signature = decodeSshSignature(reader.string());
  reader.end();
  if ((signature.token === null) !== (key.application === null)) {
    throw new MalformedError("key and signature are not of one kind");
  }
  return { key, namespace, hash, signature };
}

export function encodeSshSignature({ bytes, token }: SshSignature): Uint8Array {
  if (token === null) return concat(sshString(ascii(SSH_ED25519)), sshString(bytes));
  const { flags, counter } = token;
  return concat(sshString(ascii(SSH_SK_ED25519)), sshString(bytes), Uint8Array.of(flags), sshUint32(counter));
}

/** Throws {@link MalformedError}. */
export function decodeSshSignature(blob: Uint8Array): SshSignature {
  const reader = new SshReader(blob);
  const type = reader.text();
  if (type !== SSH_ED25519 && type !== SSH_SK_ED25519) throw new MalformedError(`signature type ${type} is not known`);
  const bytes = reader.string();
  const token = type === SSH_ED25519 ? null : { flags: reader.byte(), counter: reader.uint32() };
  reader.end();
  if (bytes.length !== 64) throw new MalformedError("an Ed25519 signature has 64 bytes");
  return { bytes, token };
}

const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const LINE_LETTERS = 70;

/** As it stands in a `.sig` file. */
export function armorSshsig(blob: Uint8Array): string {
  const lines = toBase64(blob).match(new RegExp(`.{1,${LINE_LETTERS}}`, "g")) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}

/** Throws {@link MalformedError}. */
export function unarmorSshsig(text: string): Uint8Array {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw new MalformedError("not an SSH signature file");
  const blob = fromBase64(lines.slice(1, -1).join(""));
  if (blob === null) throw new MalformedError("the SSH signature file is damaged");
  return blob;
}
