import { concat } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { readSshKeyBlob, SSH_ED25519, SSH_SK_ED25519, type SshKey, sshKeyBlob } from "../../core/ssh/public-key.ts";
import { SshReader, sshString, sshUint32 } from "../../core/ssh/wire.ts";
import { utf8Decode } from "../../core/utf8.ts";
import type { KeySignature } from "../signer.ts";

/** What is said to an SSH agent and what it answers (draft-ietf-sshm-ssh-agent), without the length before it. */

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

const MAX_KEYS = 1000;

export const LIST_KEYS: Uint8Array = Uint8Array.of(REQUEST_IDENTITIES);

/** The Ed25519 keys of the answer to {@link LIST_KEYS}. Throws {@link MalformedError}. */
export function readKeyList(answer: Uint8Array): SshKey[] {
  const reader = begin(answer, IDENTITIES_ANSWER);
  const count = reader.uint32();
  if (count > MAX_KEYS) throw new MalformedError(`${count} keys`);
  const found: SshKey[] = [];
  for (let left = count; left > 0; left--) {
    const [blob, comment] = [reader.string(), reader.string()];
    const key = readSshKeyBlob(blob, readable(comment));
    if (key !== null) found.push(key);
  }
  reader.end();
  return found;
}

export function signRequest(key: Pick<SshKey, "key" | "application">, message: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(SIGN_REQUEST), sshString(sshKeyBlob(key)), sshString(message), sshUint32(0));
}

/** Null if the agent would not: locked, refused at its prompt, token not touched. Throws {@link MalformedError}. */
export function readSignature(answer: Uint8Array): KeySignature | null {
  if (answer[0] === FAILURE) return null;
  const reader = begin(answer, SIGN_RESPONSE);
  const blob = new SshReader(reader.string());
  reader.end();
  const type = blob.text();
  if (type !== SSH_ED25519 && type !== SSH_SK_ED25519) throw new MalformedError(`a signature of type ${type}`);
  const bytes = blob.string();
  const token = type === SSH_ED25519 ? null : { flags: blob.byte(), counter: blob.uint32() };
  blob.end();
  if (bytes.length !== 64) throw new MalformedError("an Ed25519 signature has 64 bytes");
  return { bytes, token };
}

function begin(answer: Uint8Array, type: number): SshReader {
  const reader = new SshReader(answer);
  const found = reader.byte();
  if (found !== type) throw new MalformedError(`message ${found} in place of ${type}`);
  return reader;
}

function readable(comment: Uint8Array): string {
  try {
    return utf8Decode(comment);
  } catch {
    return "";
  }
}
