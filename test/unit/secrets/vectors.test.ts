import { expect, test } from "vitest";
import { ascii, fromHex, toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import { Secret } from "../../../src/core/secret.ts";
import { decodeEnvelope, encodeEnvelope, openEnvelope } from "../../../src/core/secrets/envelope.ts";
import { encodeChallenge, readStatement } from "../../../src/core/secrets/freshness.ts";
import {
  decodeGetAnswer,
  decodeGetRequest,
  decodeServed,
  encodeGetAnswer,
  encodeGetRequest,
  encodeServed,
} from "../../../src/core/secrets/messages.ts";
import { checkCommitment, readVersion, writeVersion } from "../../../src/core/secrets/version.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import vectors from "../../vectors/secrets.json" with { type: "json" };

// The formats are frozen: what was written by the first release opens and reads the same for ever.

const keys = createKeys();
const bytes = (hex: string): Uint8Array => fromHex(hex)!;
const identity = ({ recipient, identity: text }: { recipient: string; identity: string }) => ({
  recipient,
  identity: new Secret(ascii(text)),
});
const { mesh, path, version, value } = vectors;
const current = { path, version, metadata: readVersion(vectors.metadata)! };

test("the envelope of the vectors opens to their value, which is what its writer signed", async () => {
  const envelope = decodeEnvelope(bytes(vectors.envelope));
  expect(envelope).toMatchObject({ path, version, class: "store", recipients: [vectors.store.recipient] });
  const opened = await openEnvelope(keys, identity(vectors.store), bytes(mesh), envelope);
  expect(toHex(opened!.value.reveal())).toBe(value);
  expect(toHex(opened!.nonce)).toBe(vectors.commitmentNonce);
  expect(checkCommitment(keys, bytes(mesh), current, opened!)).toBe(true);
  expect(toHex(encodeEnvelope(envelope))).toBe(vectors.envelope);
  expect(writeVersion(current.metadata)).toEqual(vectors.metadata);
});

test("the sealed value of the vectors is AES-256-GCM under the key in the age file", async () => {
  const envelope = decodeEnvelope(bytes(vectors.envelope));
  const key = await keys.open(identity(vectors.store), envelope.wrapped);
  expect(toHex(key!.reveal())).toBe(vectors.valueKey);
  const associated = encode(["lab/1/envelope", bytes(mesh), path, version, "store"]);
  const content = keys.decrypt(key!, envelope.nonce, associated, envelope.sealedValue);
  expect(toHex(content!.reveal())).toBe(toHex(encode({ n: bytes(vectors.commitmentNonce), v: bytes(value) })));
});

test("request and answers of the vectors read as they are written", async () => {
  const request = decodeGetRequest(bytes(vectors.request));
  expect(request).toMatchObject({ path, authority: bytes(vectors.freshness.authority) });
  expect(toHex(encodeGetRequest(request))).toBe(vectors.request);
  expect(toHex(encodeGetAnswer({ state: "none" }))).toBe(vectors.refusal);

  const answer = decodeGetAnswer(bytes(vectors.answer));
  if (answer.state !== "value") throw new Error("no value");
  const opened = await keys.open(identity(vectors.node), answer.sealed);
  expect(toHex(opened!.reveal())).toBe(vectors.served);
  expect(toHex(encodeServed(decodeServed(opened!)).reveal())).toBe(vectors.served);
  expect(toHex(encodeGetAnswer(answer))).toBe(vectors.answer);
});

test("the statement of freshness of the vectors holds for its challenge", () => {
  const { authority, challenge, desired, nonce, signerKey, statement } = vectors.freshness;
  expect(toHex(encodeChallenge(bytes(nonce)))).toBe(challenge);
  const heads = readStatement(keys, bytes(mesh), bytes(nonce), bytes(signerKey), bytes(statement));
  expect(heads).toEqual({ authority: bytes(authority), desired: bytes(desired) });
});
