import { diffieHellman, hash, hkdfSync, type KeyObject } from "node:crypto";
import { ascii, concat, equalBytes } from "../src/core/bytes.ts";
import { LabError, SealBrokenError } from "../src/core/errors.ts";
import type { SealIdentity } from "../src/core/ports/keys.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import { decrypt, encrypt, NONCE_BYTES, TAG_BYTES } from "./aes-gcm.ts";
import { importPrivate, importPublic, publicBytes } from "./key-objects.ts";

// A sealed file: "lab-sim-seal", u16 count, count × stanza, payload. A stanza is four bytes of the recipient's hash, a
// fresh X25519 key, and the file key under AES-GCM with HKDF of the shared secret; the payload is AES-GCM under the file key, with all before it as
// associated data. Every key is used once, so that the nonces can be zero.
const MAGIC = ascii("lab-sim-seal");
const STANZAS_AT = MAGIC.length + 2;
const FILE_KEY_BYTES = 32;
const HINT_BYTES = 4;
const STANZA_BYTES = HINT_BYTES + 32 + FILE_KEY_BYTES + TAG_BYTES;
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);
const NOTHING = new Uint8Array(0);

export function createIdentity(random: Random): SealIdentity {
  const identity = random.bytes(32);
  return { recipient: spell(publicBytes("x25519", importPrivate("x25519", identity))), identity: new Secret(identity) };
}

export function seal(random: Random, recipients: readonly string[], plaintext: Secret): Uint8Array {
  if (recipients.length === 0) throw new Error("sealed to nobody, a value is lost");
  if (recipients.length > 0xffff) throw new Error("a seal is for at most 65,535 recipients");
  const fileKey = random.bytes(FILE_KEY_BYTES);
  const stanzas = recipients.map((recipient) => wrap(random.bytes(32), unspell(recipient), fileKey));
  const header = concat(MAGIC, Uint8Array.of(recipients.length >> 8, recipients.length & 0xff), ...stanzas);
  return concat(header, encrypt(fileKey, ZERO_NONCE, header, plaintext.reveal()));
}

export function open({ identity }: SealIdentity, sealed: Uint8Array): Secret | null {
  const count = ((sealed[MAGIC.length] ?? 0) << 8) | (sealed[MAGIC.length + 1] ?? 0);
  const headerBytes = STANZAS_AT + count * STANZA_BYTES;
  if (!equalBytes(sealed.subarray(0, MAGIC.length), MAGIC) || sealed.length < headerBytes) throw new SealBrokenError();
  const header = sealed.subarray(0, headerBytes);
  const own = importIdentity(identity);
  for (let at = STANZAS_AT; at < headerBytes; at += STANZA_BYTES) {
    const fileKey = unwrap(own, header.subarray(at, at + STANZA_BYTES));
    if (fileKey === null) continue;
    const plaintext = decrypt(fileKey, ZERO_NONCE, header, sealed.subarray(headerBytes));
    if (plaintext === null) throw new SealBrokenError();
    return new Secret(plaintext);
  }
  return null;
}

interface Identity {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
  readonly hint: Uint8Array;
}

/** Imported once: a world opens with the same few identities all the time. */
const imported = new WeakMap<Secret, Identity>();

function importIdentity(identity: Secret): Identity {
  let known = imported.get(identity);
  if (known === undefined) {
    const privateKey = importPrivate("x25519", identity.reveal());
    const publicKey = publicBytes("x25519", privateKey);
    known = { privateKey, publicKey, hint: hintOf(publicKey) };
    imported.set(identity, known);
  }
  return known;
}

/** Which stanza is whose, so that the others need not be tried. */
function hintOf(recipient: Uint8Array): Uint8Array {
  return hash("sha256", recipient, "buffer").subarray(0, HINT_BYTES);
}

function wrap(ephemeral: Uint8Array, recipient: Uint8Array, fileKey: Uint8Array): Uint8Array {
  const privateKey = importPrivate("x25519", ephemeral);
  const share = publicBytes("x25519", privateKey);
  const wrapped = encrypt(agree(privateKey, recipient, share, recipient), ZERO_NONCE, NOTHING, fileKey);
  return concat(hintOf(recipient), share, wrapped);
}

function unwrap({ privateKey, publicKey, hint }: Identity, stanza: Uint8Array): Uint8Array | null {
  if (!equalBytes(stanza.subarray(0, HINT_BYTES), hint)) return null;
  const share = stanza.subarray(HINT_BYTES, HINT_BYTES + 32);
  try {
    const key = agree(privateKey, share, share, publicKey);
    return decrypt(key, ZERO_NONCE, NOTHING, stanza.subarray(HINT_BYTES + 32));
  } catch {
    // OpenSSL refuses a share of small order.
    return null;
  }
}

/** The key that only the owners of both halves can make, bound to both public keys. */
function agree(privateKey: KeyObject, theirs: Uint8Array, share: Uint8Array, recipient: Uint8Array): Uint8Array {
  const shared = diffieHellman({ privateKey, publicKey: importPublic("x25519", theirs) });
  return new Uint8Array(hkdfSync("sha256", shared, concat(share, recipient), MAGIC, 32));
}

const LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECK_LETTERS = 6;

/** `age1` and 58 letters, as a real recipient has; the last six tell a mistyped one, here by a hash. */
function spell(publicKey: Uint8Array): string {
  return `age1${letters(publicKey)}${letters(hash("sha256", publicKey, "buffer")).slice(0, CHECK_LETTERS)}`;
}

function unspell(recipient: string): Uint8Array {
  const bytes = bytesOf(recipient.slice("age1".length, -CHECK_LETTERS));
  if (bytes?.length === 32 && spell(bytes) === recipient) return bytes;
  const known = recipient.startsWith("age1") ? recipient : "one that does not begin with age1";
  throw new LabError("Invalid", `not every recipient is one that a world can seal to: ${known}`);
}

/** Five bits a letter, the last one filled up with zeros. */
function letters(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => LETTERS[Number.parseInt(five.padEnd(5, "0"), 2)]).join("");
}

function bytesOf(text: string): Uint8Array | null {
  if ([...text].some((letter) => !LETTERS.includes(letter))) return null;
  const bits = [...text].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
