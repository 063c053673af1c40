import {
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  randomBytes,
} from "node:crypto";
import { inflateSync } from "node:zlib";
import { armor, Decrypter } from "age-encryption";
import { describe, expect, test } from "vitest";
import { ascii, toHex } from "../../../src/core/bytes.ts";
import { SealBrokenError } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import { createSealIdentity, open, seal } from "../../../src/node/platform/age.ts";
import { openWithX25519, readIdentity } from "../../../src/node/platform/age-x25519.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import ageVectors from "../../vectors/age-cctv.json" with { type: "json" };
import parts from "../../vectors/wycheproof-age.json" with { type: "json" };

type Vector = (typeof ageVectors)[number];

const keys = createKeys();
const hex = (text: string) => Buffer.from(text, "hex");

function fileOf({ file, compressed }: Vector): Uint8Array {
  const bytes = Buffer.from(file, "base64");
  return new Uint8Array(compressed ? inflateSync(bytes) : bytes);
}

/** What this project opens by itself: not armoured, one X25519 identity. */
function isOurs({ armored, identities, passphrases }: Vector): boolean {
  return !armored && passphrases.length === 0 && identities.length === 1 && readIdentity(identities[0] ?? "") !== null;
}

async function openedByUs(vector: Vector): Promise<string> {
  const identity = { recipient: "age1…", identity: new Secret(ascii(vector.identities[0] ?? "")) };
  try {
    const content = await open(identity, fileOf(vector));
    return content === null ? "no match" : `payload ${toHex(keys.hash(content.reveal()))}`;
  } catch (error) {
    if (error instanceof SealBrokenError) return "broken";
    throw error;
  }
}

async function openedByTheLibrary(vector: Vector): Promise<string> {
  const decrypter = new Decrypter();
  for (const identity of vector.identities) decrypter.addIdentity(identity);
  for (const passphrase of vector.passphrases) decrypter.addPassphrase(passphrase);
  try {
    const bytes = fileOf(vector);
    const file = vector.armored ? armor.decode(Buffer.from(bytes).toString("latin1")) : bytes;
    return `payload ${toHex(keys.hash(await decrypter.decrypt(file)))}`;
  } catch (error) {
    return String(error).includes("no identity matched") ? "no match" : "broken";
  }
}

describe("the 143 files of the age project", () => {
  test("are all here, and most of them are of the kind that this project writes", () => {
    expect(ageVectors).toHaveLength(143);
    expect(ageVectors.filter(isOurs).length).toBeGreaterThan(60);
  });

  test.each(ageVectors.map((vector) => [vector.name, vector] as const))("%s", async (_, vector) => {
    const found = isOurs(vector) ? await openedByUs(vector) : await openedByTheLibrary(vector);
    const { expect: wanted, payload } = vector;
    expect(found).toBe(wanted === "success" ? `payload ${payload}` : wanted === "no match" ? wanted : "broken");
  });

  test("are opened without the library only where they are good to the last byte", () => {
    for (const vector of ageVectors.filter(isOurs)) {
      const content = openWithX25519(readIdentity(vector.identities[0] ?? "")!, fileOf(vector));
      if (content === null) continue;
      expect(vector.expect, vector.name).toBe("success");
      expect(toHex(keys.hash(content)), vector.name).toBe(vector.payload);
    }
  });
});

test("a sealed file opens with the library, and the library's with ours, of every length around a chunk", async () => {
  const identity = await createSealIdentity();
  const { Encrypter } = await import("age-encryption");
  for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 1_048_576]) {
    const content = new Uint8Array(randomBytes(length));
    const decrypter = new Decrypter();
    decrypter.addIdentity(new TextDecoder().decode(identity.identity.reveal()));
    const ours = await seal([identity.recipient], new Secret(content));
    expect(Buffer.compare(await decrypter.decrypt(ours), content)).toBe(0);
    const encrypter = new Encrypter();
    encrypter.addRecipient(identity.recipient);
    const theirs = await encrypter.encrypt(content);
    const opened = openWithX25519(readIdentity(new TextDecoder().decode(identity.identity.reveal()))!, theirs);
    expect(Buffer.compare(opened!, content)).toBe(0);
  }
});

describe("what a sealed file is made of agrees with Project Wycheproof", () => {
  test("X25519, but for a shared secret of zero, which is refused", () => {
    for (const [publicKey = "", privateKey = "", shared = ""] of parts.x25519) {
      const der = (prefix: string, key: string) => Buffer.concat([hex(prefix), hex(key)]);
      const run = () =>
        diffieHellman({
          privateKey: createPrivateKey({
            key: der("302e020100300506032b656e04220420", privateKey),
            format: "der",
            type: "pkcs8",
          }),
          publicKey: createPublicKey({ key: der("302a300506032b656e032100", publicKey), format: "der", type: "spki" }),
        }).toString("hex");
      if (/^0+$/.test(shared)) expect(run).toThrow();
      else expect(run()).toBe(shared);
    }
  });

  test("ChaCha20-Poly1305", () => {
    for (const [key = "", iv = "", aad = "", msg = "", ct = "", tag = "", result] of parts.chacha20Poly1305) {
      const run = () => {
        const decipher = createDecipheriv("chacha20-poly1305", hex(key), hex(iv), { authTagLength: 16 });
        decipher.setAAD(hex(aad), { plaintextLength: ct.length / 2 });
        decipher.setAuthTag(hex(tag));
        return Buffer.concat([decipher.update(hex(ct)), decipher.final()]).toString("hex");
      };
      // Nonces are always of twelve bytes here.
      if (iv.length !== 24) continue;
      if (result === "valid") expect(run()).toBe(msg);
      else expect(run).toThrow();
    }
  });

  test("HKDF and HMAC with SHA-256", () => {
    for (const [ikm, salt, info, size, okm, result] of parts.hkdfSha256 as [
      string,
      string,
      string,
      number,
      string,
      string,
    ][]) {
      const run = () => Buffer.from(hkdfSync("sha256", hex(ikm), hex(salt), hex(info), size)).toString("hex");
      if (result === "valid") expect(run()).toBe(okm);
      else expect(run).toThrow();
    }
    for (const [key = "", msg = "", tag = "", result] of parts.hmacSha256) {
      const found = createHmac("sha256", hex(key)).update(hex(msg)).digest("hex").slice(0, tag.length);
      expect(found === tag).toBe(result === "valid");
    }
  });
});
