import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { bech32 } from "@scure/base";

/**
 * The part of the age format that this project writes: X25519 recipients, no armour (https://age-encryption.org/v1), with
 * the machine's own cryptography, which is many times faster than one in JavaScript. A store does this for every value
 * that it serves. Whatever else a file may be, `age.ts` leaves to the library.
 */

const INTRO = "age-encryption.org/v1\n";
const FILE_KEY_BYTES = 16;
const PAYLOAD_NONCE_BYTES = 16;
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const ZERO_NONCE = Buffer.alloc(12);
const AEAD = "chacha20-poly1305";
/** DER of an X25519 key is this and 32 bytes (RFC 8410). */
const SPKI = Buffer.from("302a300506032b656e032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");

/** Of an identity `key` is the private one, of a recipient the public one. */
export interface X25519Key {
  readonly key: KeyObject;
  readonly publicKey: Buffer;
}

/** Null if it is none. */
export function readRecipient(recipient: string): X25519Key | null {
  const publicKey = fromBech32(recipient, "age");
  return publicKey === null ? null : { key: importPublic(publicKey), publicKey };
}

/** Null if it is none. */
export function readIdentity(identity: string): X25519Key | null {
  const secret = fromBech32(identity.toLowerCase(), "age-secret-key-");
  if (secret === null || identity !== identity.toUpperCase()) return null;
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
  secret.fill(0);
  return { key, publicKey: publicBytes(createPublicKey(key)) };
}

export function sealToX25519(recipients: readonly X25519Key[], plaintext: Uint8Array): Uint8Array {
  const fileKey = randomBytes(FILE_KEY_BYTES);
  const stanzas = recipients.map((recipient) => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const share = publicBytes(publicKey);
    const shared = diffieHellman({ privateKey, publicKey: recipient.key });
    const key = wrapKey(shared, share, recipient.publicKey);
    return `-> X25519 ${base64(share)}\n${base64(encrypt(key, ZERO_NONCE, fileKey))}\n`;
  });
  const header = `${INTRO}${stanzas.join("")}---`;
  const nonce = randomBytes(PAYLOAD_NONCE_BYTES);
  const key = hkdf(fileKey, nonce, "payload");
  const parts: Uint8Array[] = [Buffer.from(`${header} ${base64(mac(fileKey, header))}\n`), nonce];
  const chunks = Math.max(1, Math.ceil(plaintext.length / CHUNK_BYTES));
  for (let i = 0; i < chunks; i++) {
    parts.push(
      encrypt(key, chunkNonce(i, i === chunks - 1), plaintext.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
    );
  }
  fileKey.fill(0);
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * The content; null for every file that is not exactly of this part of the format, is not for this identity or was
 * altered: which of them, the library says.
 */
export function openWithX25519({ key, publicKey }: X25519Key, sealed: Uint8Array): Uint8Array | null {
  const file = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const header = readHeader(file);
  if (header === null) return null;
  for (const { share, body } of header.stanzas) {
    try {
      // Throws for a point of low order.
      const shared = diffieHellman({ privateKey: key, publicKey: importPublic(share) });
      const fileKey = decrypt(wrapKey(shared, share, publicKey), ZERO_NONCE, body);
      if (fileKey.length !== FILE_KEY_BYTES || !timingSafeEqual(mac(fileKey, header.text), header.mac)) return null;
      return openPayload(fileKey, file.subarray(header.end));
    } catch {
      // For somebody else, or altered.
    }
  }
  return null;
}

interface Header {
  readonly stanzas: readonly { readonly share: Buffer; readonly body: Buffer }[];
  /** All that the MAC covers. */
  readonly text: string;
  readonly mac: Buffer;
  readonly end: number;
}

const STANZA = /-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n/y;
const END = /--- ([A-Za-z0-9+/]{43})\n/y;
/** 256 recipients and the rest. */
const MOST_HEADER_BYTES = 32 * 1024;

function readHeader(file: Buffer): Header | null {
  const text = file.toString("latin1", 0, Math.min(file.length, MOST_HEADER_BYTES));
  if (!text.startsWith(INTRO)) return null;
  const stanzas: { share: Buffer; body: Buffer }[] = [];
  let at = INTRO.length;
  for (;;) {
    STANZA.lastIndex = at;
    const [whole, share, body] = STANZA.exec(text) ?? [];
    if (whole === undefined) break;
    const read = { share: fromBase64(share), body: fromBase64(body) };
    if (read.share === null || read.body === null) return null;
    stanzas.push({ share: read.share, body: read.body });
    at += whole.length;
  }
  END.lastIndex = at;
  const [end, code] = END.exec(text) ?? [];
  const found = fromBase64(code);
  if (end === undefined || found === null || stanzas.length === 0) return null;
  return { stanzas, text: text.slice(0, at + 3), mac: found, end: at + end.length };
}

/** Throws if it was altered or does not end. */
function openPayload(fileKey: Buffer, payload: Buffer): Uint8Array {
  const key = hkdf(fileKey, payload.subarray(0, PAYLOAD_NONCE_BYTES), "payload");
  fileKey.fill(0);
  const sealed = payload.subarray(PAYLOAD_NONCE_BYTES);
  const step = CHUNK_BYTES + TAG_BYTES;
  const chunks = Math.ceil(sealed.length / step);
  const parts = Array.from({ length: chunks }, (_, i) =>
    decrypt(key, chunkNonce(i, i === chunks - 1), sealed.subarray(i * step, (i + 1) * step)),
  );
  // Only a file without content ends with an empty chunk.
  if (chunks === 0 || (chunks > 1 && parts.at(-1)?.length === 0)) throw new Error("not a payload");
  const content = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
    part.fill(0);
  }
  return content;
}

function wrapKey(shared: Buffer, share: Buffer, recipient: Buffer): KeyObject {
  return hkdf(shared, Buffer.concat([share, recipient]), "age-encryption.org/v1/X25519");
}

function importPublic(publicKey: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" });
}

function publicBytes(key: KeyObject): Buffer {
  // As DER it takes twenty times as long.
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}

// Keys go in as key objects: of bytes Node finds out by exceptions that they are none, which takes longer than the work.

function hkdf(key: Buffer, salt: Buffer, info: string): KeyObject {
  const derived = Buffer.from(hkdfSync("sha256", createSecretKey(key), salt, info, 32));
  const object = createSecretKey(derived);
  derived.fill(0);
  return object;
}

function mac(fileKey: Buffer, header: string): Buffer {
  return createHmac("sha256", hkdf(fileKey, Buffer.alloc(0), "header"))
    .update(header, "latin1")
    .digest();
}

/** The counter in eleven bytes, then 1 for the last chunk. */
function chunkNonce(counter: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function encrypt(key: KeyObject, nonce: Buffer, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(AEAD, key, nonce, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Throws if it was altered. */
function decrypt(key: KeyObject, nonce: Buffer, ciphertext: Buffer): Buffer {
  if (ciphertext.length < TAG_BYTES) throw new Error("shorter than its tag");
  const decipher = createDecipheriv(AEAD, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(ciphertext.subarray(ciphertext.length - TAG_BYTES));
  return Buffer.concat([decipher.update(ciphertext.subarray(0, ciphertext.length - TAG_BYTES)), decipher.final()]);
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

/** 32 bytes in their only spelling. */
function fromBase64(text: string | undefined): Buffer | null {
  const bytes = Buffer.from(text ?? "", "base64");
  return bytes.length === 32 && base64(bytes) === text ? bytes : null;
}

function fromBech32(text: string, prefix: string): Buffer | null {
  try {
    const { prefix: found, bytes } = bech32.decodeToBytes(text);
    return found === prefix && bytes.length === 32 ? Buffer.from(bytes) : null;
  } catch {
    return null;
  }
}
