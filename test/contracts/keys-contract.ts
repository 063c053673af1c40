import { inspect } from "node:util";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { ascii, concat, equalBytes, fromHex, toHex } from "../../src/core/bytes.ts";
import { LabError, SealBrokenError } from "../../src/core/errors.ts";
import type { Keys, SealIdentity, Signer } from "../../src/core/ports/keys.ts";
import { Secret } from "../../src/core/secret.ts";
import gcmVectors from "../vectors/wycheproof-aes-256-gcm.json" with { type: "json" };
import edgeVectors from "../vectors/ed25519-edges.json" with { type: "json" };
import signatureVectors from "../vectors/wycheproof-ed25519.json" with { type: "json" };

/** What every Keys does. */
export function keysContract(name: string, setup: () => Keys): void {
  describe(`${name} as cryptography`, () => {
    let keys: Keys;
    let alice: Signer;
    let bob: Signer;
    beforeAll(() => {
      keys = setup();
      alice = keys.signer(seed(1));
      bob = keys.signer(seed(2));
    });

    describe("hashes", () => {
      test("are SHA-256", () => {
        const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        expect(toHex(keys.hash(new Uint8Array(0)))).toBe(empty);
        const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        expect(toHex(keys.hash(ascii("abc")))).toBe(abc);
        expect(Object.getPrototypeOf(keys.hash(ascii("abc")))).toBe(Uint8Array.prototype);
      });

      test("are SHA-512 where that is asked for", () => {
        const abc =
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        expect(toHex(keys.hash512(ascii("abc")))).toBe(abc);
        expect(Object.getPrototypeOf(keys.hash512(ascii("abc")))).toBe(Uint8Array.prototype);
      });
    });

    describe("signatures", () => {
      test("are those of RFC 8032 (its test 2)", () => {
        const signer = keys.signer(new Secret(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")));
        expect(toHex(signer.publicKey)).toBe("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        expect(toHex(signer.sign(hex("72")))).toBe(
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
      });

      test("verify under the signer's key and message, and under nothing else", () => {
        const message = ascii("label nas-1 role=coordinator");
        const signature = alice.sign(message);
        expect(keys.verify(alice.publicKey, message, signature)).toBe(true);
        expect(keys.verify(bob.publicKey, message, signature)).toBe(false);
        expect(keys.verify(alice.publicKey, ascii("label nas-2 role=coordinator"), signature)).toBe(false);
        expect(keys.verify(alice.publicKey, message, bob.sign(message))).toBe(false);
      });

      test("stop verifying when any bit of message or signature changes", () => {
        const message = ascii("cut carol");
        const signature = alice.sign(message);
        for (let bit = 0; bit < 8 * signature.length; bit++) {
          expect(keys.verify(alice.publicKey, message, flipBit(signature, bit)), `bit ${bit}`).toBe(false);
        }
        for (let bit = 0; bit < 8 * message.length; bit++) {
          expect(keys.verify(alice.publicKey, flipBit(message, bit), signature), `bit ${bit}`).toBe(false);
        }
      });

      test("remember no answer beyond the question: the same bytes, changed in place, are another one", () => {
        const message = ascii("grant dave ops");
        const signature = alice.sign(message);
        expect(keys.verify(alice.publicKey, message, signature)).toBe(true);
        message[0] = 0;
        expect(keys.verify(alice.publicKey, message, signature)).toBe(false);
      });

      test("of the wrong length are false, as are keys of the wrong length", () => {
        const message = ascii("hello");
        const signature = alice.sign(message);
        for (const wrong of [new Uint8Array(0), signature.subarray(0, 63), concat(signature, new Uint8Array(1))]) {
          expect(keys.verify(alice.publicKey, message, wrong)).toBe(false);
        }
        for (const wrong of [new Uint8Array(0), alice.publicKey.subarray(1), concat(alice.publicKey, signature)]) {
          expect(keys.verify(wrong, message, signature)).toBe(false);
          expect(keys.isSafeKey(wrong)).toBe(false);
        }
      });

      test("of many questions are answered in the order of the questions", async () => {
        const items = Array.from({ length: 300 }, (_, at) => {
          const message = ascii(`entry ${at}`);
          const [signer, claimed] = [at % 3 === 0 ? bob : alice, at % 5 === 0 ? bob : alice];
          const signature = at % 7 === 0 ? new Uint8Array(at % 70) : signer.sign(message);
          return { publicKey: claimed.publicKey, message, signature };
        });
        const expected = items.map(({ publicKey, message, signature }) => keys.verify(publicKey, message, signature));
        expect(await keys.verifyAll(items)).toEqual(expected);
        expect(new Set(expected)).toEqual(new Set([true, false]));
        expect(await keys.verifyAll([])).toEqual([]);
      });

      test("need a seed of 32 bytes, and an error about it does not show it", () => {
        expect(() => keys.signer(new Secret(ascii("passw0rd")))).toThrow(/^an Ed25519 seed has 32 bytes, not 8$/);
      });

      test("agree with Wycheproof's vectors", async () => {
        for (const { tcId, comment, pk, msg, sig, result } of signatureVectors) {
          const verified = keys.verify(hex(pk), hex(msg), hex(sig));
          expect(verified, `${tcId} ${comment}`).toBe(result === "valid");
        }
        const items = signatureVectors.map(({ pk, msg, sig }) => {
          return { publicKey: hex(pk), message: hex(msg), signature: hex(sig) };
        });
        expect(await keys.verifyAll(items)).toEqual(signatureVectors.map(({ result }) => result === "valid"));
      });
    });

    describe("public keys", () => {
      test("that signers have are safe", () => {
        const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
        fc.assert(
          fc.property(seeds, (bytes) => {
            expect(keys.isSafeKey(keys.signer(new Secret(bytes)).publicKey)).toBe(true);
          }),
          { numRuns: 25 },
        );
      });

      test("of small order are refused, though OpenSSL lets one signature of theirs verify every message", async () => {
        const smallOrder = "0100000000000000000000000000000000000000000000000000000000000000";
        const signature = hex(`${smallOrder}${"00".repeat(32)}`);
        const item = { publicKey: hex(smallOrder), message: ascii("anything at all"), signature };
        expect(keys.isSafeKey(item.publicKey)).toBe(false);
        expect(keys.verify(item.publicKey, item.message, item.signature)).toBe(false);
        expect(await keys.verifyAll([item])).toEqual([false]);
      });

      test("that are not a point, not canonical, of small order or with a torsion component are refused", () => {
        for (const { number, key, flags } of edgeVectors) {
          const odd = flags.some((flag) => flag.endsWith("_A"));
          expect(keys.isSafeKey(hex(key)), `vector ${number}: ${flags.join(" ")}`).toBe(!odd);
        }
        const notOnTheCurve = "0200000000000000000000000000000000000000000000000000000000000000";
        expect(keys.isSafeKey(hex(notOnTheCurve))).toBe(false);
        expect(keys.isSafeKey(new Uint8Array(32).fill(0xff))).toBe(false);
      });

      test("that are refused verify nothing", () => {
        for (const { number, key, sig, msg, flags } of edgeVectors) {
          // Of a good key, what is refused is an R of small order, or one that the formula does not give byte by byte.
          const refused = flags.some((flag) => /_A$|^low_order_R$|^low_order_residue$|^non_canonical_R$/.test(flag));
          expect(keys.verify(hex(key), ascii(msg), hex(sig)), `vector ${number}: ${flags.join(" ")}`).toBe(!refused);
        }
        const accepted = edgeVectors.filter(
          ({ key, sig, msg }) => keys.isSafeKey(hex(key)) && keys.verify(hex(key), ascii(msg), hex(sig)),
        );
        expect(edgeVectors).toHaveLength(914);
        expect(accepted.length).toBeLessThanOrEqual(2);
      });
    });

    describe("seals", () => {
      let carol: SealIdentity;
      let dave: SealIdentity;
      let mallory: SealIdentity;
      const plaintext = () => new Secret(ascii("the database password"));
      beforeAll(async () => {
        carol = await keys.createSealIdentity();
        dave = await keys.createSealIdentity();
        mallory = await keys.createSealIdentity();
      });

      test("open for each recipient", async () => {
        const sealed = await keys.seal([carol.recipient, dave.recipient], plaintext());
        for (const identity of [carol, dave]) expect(await opened(identity, sealed)).toEqual(plaintext().reveal());
      });

      test("do not open for anybody else", async () => {
        const sealed = await keys.seal([carol.recipient, dave.recipient], plaintext());
        expect(await keys.open(mallory, sealed)).toBeNull();
      });

      test("keep every length", async () => {
        for (const length of [0, 1, 1000, 65_535, 65_536, 65_537, 200_000]) {
          const bytes = Uint8Array.from({ length }, (_, at) => at % 251);
          const sealed = await keys.seal([carol.recipient], new Secret(bytes));
          expect(equalBytes((await opened(carol, sealed)) ?? ascii("null"), bytes), `${length} bytes`).toBe(true);
        }
      });

      test("of the same value differ", async () => {
        const [one, two] = [
          await keys.seal([carol.recipient], plaintext()),
          await keys.seal([carol.recipient], plaintext()),
        ];
        expect(equalBytes(one, two)).toBe(false);
      });

      test("do not contain the value", async () => {
        const sealed = await keys.seal([carol.recipient], plaintext());
        expect(toHex(sealed).includes(toHex(plaintext().reveal()))).toBe(false);
      });

      test("are reported as broken when their value was altered or cut short", async () => {
        const sealed = await keys.seal([carol.recipient], plaintext());
        const value = plaintext().byteLength + 16;
        for (let back = 1; back <= value; back++) {
          const altered = flipBit(sealed, 8 * (sealed.length - back));
          await expect(keys.open(carol, altered), `byte ${back} from the end`).rejects.toThrow(SealBrokenError);
        }
        for (const length of [sealed.length - 1, sealed.length - value, 10, 0]) {
          await expect(keys.open(carol, sealed.subarray(0, length)), `${length} bytes`).rejects.toThrow(
            SealBrokenError,
          );
        }
        await expect(keys.open(carol, concat(sealed, ascii("x")))).rejects.toThrow(SealBrokenError);
      });

      test("never open to something else, whichever byte was altered", async () => {
        const sealed = await keys.seal([carol.recipient, dave.recipient], plaintext());
        for (let at = 0; at < sealed.length; at += 3) {
          const result = await keys.open(carol, flipBit(sealed, 8 * at)).catch((error: unknown) => error);
          expect(result === null || result instanceof SealBrokenError, `byte ${at}: ${String(result)}`).toBe(true);
        }
      });

      test("are broken, not foreign, when the stanza of another recipient was altered", async () => {
        const sealed = await keys.seal([carol.recipient, dave.recipient], plaintext());
        const withoutValue = sealed.length - plaintext().byteLength - 16;
        const outcomes: unknown[] = [];
        for (let at = 0; at < withoutValue; at++) {
          outcomes.push(await keys.open(carol, flipBit(sealed, 8 * at)).catch((error: unknown) => error));
        }
        expect(outcomes.filter((outcome) => outcome instanceof SealBrokenError).length).toBeGreaterThan(
          withoutValue / 3,
        );
      });

      test("are not made for a malformed recipient", async () => {
        const typo = carol.recipient.replace(/.$/, (letter) => (letter === "q" ? "p" : "q"));
        for (const wrong of ["", "age1", "nas-1", typo, carol.recipient.slice(0, -1), `${carol.recipient} `]) {
          const sealing = keys.seal([dave.recipient, wrong], plaintext());
          await expect(sealing, wrong).rejects.toThrow(LabError);
          await expect(sealing, wrong).rejects.toMatchObject({ code: "Invalid" });
        }
      });

      test("are not made for nobody", async () => {
        await expect(keys.seal([], plaintext())).rejects.toThrow("seal");
      });

      test("show no secret key in errors, not even one given as a recipient by mistake", async () => {
        const text = new TextDecoder().decode(carol.identity.reveal());
        const error = await keys.seal([text], plaintext()).catch((error: unknown) => error);
        expect(error).toBeInstanceOf(LabError);
        expect(inspect(error, { depth: null })).not.toContain(text);
      });

      async function opened(identity: SealIdentity, sealed: Uint8Array): Promise<Uint8Array | undefined> {
        return (await keys.open(identity, sealed))?.reveal();
      }
    });

    describe("encryption", () => {
      const key = seed(9);
      const nonce = new Uint8Array(12).fill(7);
      const associated = ascii("mesh/path/version");
      const plaintext = () => new Secret(ascii("a token"));

      test("gives back what was encrypted", () => {
        const ciphertext = keys.encrypt(key, nonce, associated, plaintext());
        expect(ciphertext).toHaveLength(plaintext().byteLength + 16);
        expect(keys.decrypt(key, nonce, associated, ciphertext)?.reveal()).toEqual(plaintext().reveal());
      });

      test("gives null when key, nonce, associated data or ciphertext are others", () => {
        const ciphertext = keys.encrypt(key, nonce, associated, plaintext());
        expect(keys.decrypt(seed(8), nonce, associated, ciphertext)).toBeNull();
        expect(keys.decrypt(key, flipBit(nonce, 0), associated, ciphertext)).toBeNull();
        expect(keys.decrypt(key, nonce, ascii("mesh/path/other"), ciphertext)).toBeNull();
        for (let bit = 0; bit < 8 * ciphertext.length; bit++) {
          expect(keys.decrypt(key, nonce, associated, flipBit(ciphertext, bit)), `bit ${bit}`).toBeNull();
        }
        for (let length = 0; length < ciphertext.length; length++) {
          expect(keys.decrypt(key, nonce, associated, ciphertext.subarray(0, length)), `${length} bytes`).toBeNull();
        }
      });

      test("gives null for a key or nonce of the wrong length, and encrypts under none", () => {
        const ciphertext = keys.encrypt(key, nonce, associated, plaintext());
        const short = new Secret(new Uint8Array(16));
        expect(keys.decrypt(short, nonce, associated, ciphertext)).toBeNull();
        expect(keys.decrypt(key, new Uint8Array(16), associated, ciphertext)).toBeNull();
        expect(() => keys.encrypt(short, nonce, associated, plaintext())).toThrow(/32 bytes, not 16/);
        expect(() => keys.encrypt(key, new Uint8Array(8), associated, plaintext())).toThrow(/12 bytes, not 8/);
      });

      test("agrees with Wycheproof's vectors", () => {
        for (const { tcId, comment, key, iv, aad, msg, ct, tag, result } of gcmVectors) {
          const secret = new Secret(hex(key));
          const plaintext = keys.decrypt(secret, hex(iv), hex(aad), hex(`${ct}${tag}`));
          expect(plaintext && toHex(plaintext.reveal()), `${tcId} ${comment}`).toBe(result === "valid" ? msg : null);
          if (result !== "valid") continue;
          expect(toHex(keys.encrypt(secret, hex(iv), hex(aad), new Secret(hex(msg))))).toBe(`${ct}${tag}`);
        }
      });
    });
  });
}

function seed(fill: number): Secret {
  return new Secret(new Uint8Array(32).fill(fill));
}

function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}

function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
