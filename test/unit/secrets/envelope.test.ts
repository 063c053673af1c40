import { beforeAll, describe, expect, test } from "vitest";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { ascii, concat, equalBytes, toBase64Url, toHex } from "../../../src/core/bytes.ts";
import { decode, encode } from "../../../src/core/encoding.ts";
import type { Json } from "../../../src/core/json.ts";
import type { Keys, SealIdentity } from "../../../src/core/ports/keys.ts";
import { Secret } from "../../../src/core/secret.ts";
import {
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  openEnvelope,
  rewrap,
  sealEnvelope,
} from "../../../src/core/secrets/envelope.ts";
import { prepareSecret } from "../../../src/core/secrets/prepare.ts";
import { checkCommitment, commitmentTo, readVersion } from "../../../src/core/secrets/version.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";

const random = seededRandom("envelopes");
const MESH = random.bytes(32);
const SUBJECT = { path: "web/tls", version: "ab".repeat(32), class: "store" };

describe.each([
  ["real", () => createKeys()],
  ["simulated", () => createSimKeys(seededRandom("keys"))],
])("an envelope of %s keys", (_kind, setup) => {
  let keys: Keys;
  let [nas1, nas2, stranger]: SealIdentity[] = [];
  beforeAll(async () => {
    keys = setup();
    [nas1, nas2, stranger] = [
      await keys.createSealIdentity(),
      await keys.createSealIdentity(),
      await keys.createSealIdentity(),
    ];
  });

  const committed = (value: Uint8Array) => ({ nonce: random.bytes(32), value: new Secret(value) });
  const seal = (value: Uint8Array, recipients = [nas1!.recipient, nas2!.recipient]) =>
    sealEnvelope({ keys, random }, MESH, SUBJECT, committed(value), recipients);

  test.each([0, 1, 1000, 1024 * 1024])(
    "carries %i bytes to each of its recipients and to nobody else",
    async (length) => {
      const value = random.bytes(length);
      const envelope = decodeEnvelope(encodeEnvelope(await seal(value)));
      for (const store of [nas1!, nas2!]) {
        const opened = await openEnvelope(keys, store, MESH, envelope);
        expect(equalBytes(opened!.value.reveal(), value)).toBe(true);
      }
      expect(await openEnvelope(keys, stranger!, MESH, envelope)).toBeNull();
    },
  );

  test("is refused beyond one MiB, when made and when read", async () => {
    const value = new Secret(new Uint8Array(1024 * 1024 + 1));
    const facts = { keys, random, mesh: MESH, path: "web/tls", value, heads: MESH, tips: [], nowMs: 0 };
    expect(() => prepareSecret(facts)).toThrow("at most 1 MiB, this one has 1048577 bytes");
    const envelope = await seal(new Uint8Array(1));
    const swollen = encodeEnvelope({ ...envelope, sealedValue: new Uint8Array(1024 * 1024 + 129) });
    expect(() => decodeEnvelope(swollen)).toThrow("more than one MiB");
  });

  test("does not open as another path, version, class or mesh, nor with an altered byte", async () => {
    const envelope = await seal(ascii("hunter2"));
    const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte));
    const altered: Envelope[] = [
      { ...envelope, path: "web/tls2" },
      { ...envelope, version: "cd".repeat(32) },
      { ...envelope, class: "sealed" },
      { ...envelope, nonce: flipped(envelope.nonce) },
      { ...envelope, sealedValue: flipped(envelope.sealedValue) },
      { ...envelope, wrapped: flipped(envelope.wrapped) },
    ];
    for (const each of altered) {
      const opened = await openEnvelope(keys, nas1!, MESH, each).catch(() => null);
      expect(opened).toBeNull();
    }
    await expect(openEnvelope(keys, nas1!, random.bytes(32), envelope)).rejects.toThrow("altered");
  });

  test("never has the same key or nonce twice", async () => {
    const [one, two] = [await seal(ascii("same")), await seal(ascii("same"))];
    expect(toHex(one.nonce)).not.toBe(toHex(two.nonce));
    expect(toHex(one.sealedValue)).not.toBe(toHex(two.sealedValue));
  });

  test("is wrapped for a store that joins without sealing the value anew", async () => {
    const envelope = await seal(ascii("hunter2"), [nas1!.recipient]);
    const wrapped = await rewrap({ keys, random }, nas1!, MESH, envelope, [nas1!.recipient, nas2!.recipient]);
    expect(wrapped!.sealedValue).toEqual(envelope.sealedValue);
    expect(wrapped!.recipients).toEqual([nas1!.recipient, nas2!.recipient].sort());
    expect((await openEnvelope(keys, nas2!, MESH, wrapped!))!.value.reveal()).toEqual(ascii("hunter2"));
    expect(await rewrap({ keys, random }, stranger!, MESH, envelope, [nas2!.recipient])).toBeNull();
  });

  test("gets a new key when a recipient goes, and the writer's commitment still holds", async () => {
    const content = committed(ascii("hunter2"));
    const both = [nas1!.recipient, nas2!.recipient];
    const envelope = await sealEnvelope({ keys, random }, MESH, SUBJECT, content, both);
    const keyBefore = await keys.open(nas2!, envelope.wrapped);
    const anew = await rewrap({ keys, random }, nas1!, MESH, envelope, [nas1!.recipient]);
    expect(await openEnvelope(keys, nas2!, MESH, anew!)).toBeNull();
    const associated = encode(["lab/1/envelope", MESH, SUBJECT.path, SUBJECT.version, SUBJECT.class]);
    expect(keys.decrypt(keyBefore!, anew!.nonce, associated, anew!.sealedValue)).toBeNull();
    const opened = await openEnvelope(keys, nas1!, MESH, anew!);
    expect(commitmentTo(keys, MESH, "web/tls", opened!)).toEqual(commitmentTo(keys, MESH, "web/tls", content));
  });

  test("has one spelling and takes no malformed one", async () => {
    const fields = decode(encodeEnvelope(await seal(ascii("x")))) as Record<string, never>;
    const malformed = {
      v: 2,
      path: "../x",
      version: "AB".repeat(32),
      nonce: new Uint8Array(11),
      wrapped: "x",
      recipients: 1,
    };
    for (const [name, value] of Object.entries(malformed)) {
      expect(() => decodeEnvelope(encode({ ...fields, [name]: value })), name).toThrow("malformed");
    }
    expect(() => decodeEnvelope(new Uint8Array(0))).toThrow("malformed");
  });
});

describe("a commitment", () => {
  const keys = createSimKeys(seededRandom("keys"));
  const nonce = random.bytes(32);

  test("is SHA-256 of context, mesh, length of the path, path, nonce and value", () => {
    const value = ascii("hunter2");
    const message = concat(ascii("lab/1/secret-commit\0"), MESH, Uint8Array.of(0, 7), ascii("web/tls"), nonce, value);
    expect(commitmentTo(keys, MESH, "web/tls", { nonce, value: new Secret(value) })).toEqual(keys.hash(message));
    expect(value).toEqual(ascii("hunter2"));
  });

  test("holds for one value, nonce, path and mesh", () => {
    const value = new Secret(ascii("hunter2"));
    const commitment = commitmentTo(keys, MESH, "web/tls", { nonce, value });
    const metadata = { class: "store", commitment, heads: MESH, tips: [], restores: null, body: null, atMs: 0 };
    const current = { path: "web/tls", version: SUBJECT.version, metadata };
    expect(checkCommitment(keys, MESH, current, { nonce, value })).toBe(true);
    expect(checkCommitment(keys, MESH, current, { nonce, value: new Secret(ascii("hunter3")) })).toBe(false);
    expect(checkCommitment(keys, MESH, current, { nonce: random.bytes(32), value })).toBe(false);
    expect(checkCommitment(keys, MESH, { ...current, path: "web/tlz" }, { nonce, value })).toBe(false);
    expect(checkCommitment(keys, nonce, current, { nonce, value })).toBe(false);
    // Bytes moved from the nonce to the value hash alike, so the length of a nonce is fixed.
    const shifted = { nonce: nonce.subarray(0, 31), value: new Secret(concat(nonce.subarray(31), ascii("hunter2"))) };
    expect(checkCommitment(keys, MESH, current, shifted)).toBe(false);
  });

  test("is told to every peer without the value, its length or its hash", async () => {
    const value = ascii("correct horse battery staple");
    const facts = {
      keys,
      random,
      mesh: MESH,
      path: "web/tls",
      value: new Secret(value),
      heads: keys.hash(MESH),
      tips: [SUBJECT.version],
      nowMs: 17,
    };
    const { metadata } = prepareSecret(facts);
    const text = JSON.stringify(metadata);
    expect(Object.keys(metadata as object)).toEqual(["class", "commit", "heads", "tips", "at"]);
    for (const told of [toBase64Url(value), toBase64Url(keys.hash(value)), "28"]) expect(text).not.toContain(told);
    expect(readVersion(metadata)).toMatchObject({ class: "store", atMs: 17, heads: keys.hash(MESH) });
  });

  const malformed: Json[] = [null, 1, [], {}, { class: "store", commit: "AA", heads: "AA", at: 1 }, { class: 1 }];
  test.each(malformed.map((value) => [value]))("is not read from %j", (value) => {
    expect(readVersion(value)).toBeNull();
  });
});
