import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ascii, toHex } from "../../../src/core/bytes.ts";
import { encode, MalformedError } from "../../../src/core/encoding.ts";
import { decodeBody } from "../../../src/crdt/authority/bodies.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  decodeEntry,
  type Entry,
  encodeSigned,
  type Header,
  MAX_ENTRY_BYTES,
  type ObservedHeader,
  ZERO_HASH,
} from "../../../src/crdt/entry/entry.ts";
import { SCHEME_ED25519 } from "../../../src/core/signature.ts";
import { carriesValidSignature, sealEntry } from "../../../src/crdt/entry/signatures.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { AT, type Author, bytesFor, found, keys, link, Peer, picture, signerOf } from "./fixture.ts";

const alice = signerOf("alice");
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const base = { mesh: hash, key: hash, log: hash };
const hlc = fc.record({ ms: fc.maxSafeNat(), count: fc.integer({ min: 0, max: 0xffffffff }) });
const seq = fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER });
const prev = hash.filter((bytes) => bytes.some((byte) => byte !== 0));

const authority: fc.Arbitrary<AuthorityHeader> = fc.record({
  kind: fc.constant("authority" as const),
  ...base,
  parents: fc
    .uniqueArray(hash, { maxLength: 64, selector: toHex })
    .map((hashes) => hashes.sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1))),
  type: fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/),
});
const chain: fc.Arbitrary<ChainHeader> = fc.record({
  kind: fc.constant("chain" as const),
  ...base,
  class: fc.nat(255),
  seq,
  prev,
  hlc,
  seen: hash,
  more: fc.nat(0xffff),
});
const observed: fc.Arbitrary<ObservedHeader> = fc.record({ kind: fc.constant("observed" as const), ...base, seq, hlc });
const header: fc.Arbitrary<Header> = fc.oneof(authority, chain, observed);
const signature = fc.record({ scheme: fc.nat(255), bytes: fc.uint8Array({ maxLength: 80 }) });
const entry = fc
  .tuple(header, fc.uint8Array({ maxLength: 300 }), fc.array(signature, { maxLength: 3 }))
  .map(([head, payload, signatures]) => sealEntry<Header>(keys, head, payload, () => signatures));

/** Also what an entry that was read makes of its bytes when it is asked. */
function partsOf({ header: head, payload, signed: covered, signatures, bytes, hash: digest, id }: Entry): unknown {
  const prev = head.kind === "chain" ? head.prev : null;
  return { header: { ...head, prev }, payload, signed: covered, signatures, bytes, hash: digest, id };
}

describe("an entry", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(entry, (written) => {
        expect(partsOf(decodeEntry(keys, written.bytes))).toEqual(partsOf(written));
      }),
    );
  });

  it("keeps what comes with every entry of its writer once for all of them, whatever message each came in", () => {
    const read = (seq: number) => {
      const head: ChainHeader = {
        ...{ kind: "chain", mesh: bytesFor("mesh"), key: alice.publicKey, log: bytesFor("log"), class: 1, seq },
        ...{ prev: bytesFor(`prev ${seq}`), hlc: { ms: seq, count: 0 }, seen: bytesFor("seen"), more: 0 },
      };
      return decodeEntry(keys, sealEntry(keys, head, new Uint8Array(0), () => []).bytes).header as ChainHeader;
    };
    const [one, other] = [read(2), read(3)];
    expect([one.seq, one.prev, one.hlc]).toEqual([2, bytesFor("prev 2"), { ms: 2, count: 0 }]);
    expect([other.seq, other.prev, other.hlc]).toEqual([3, bytesFor("prev 3"), { ms: 3, count: 0 }]);
    for (const name of ["mesh", "key", "log", "seen"] as const) expect(other[name], name).toBe(one[name]);
  });

  it("is kept as its bytes, of which every part is a view", () => {
    const written = sealEntry(keys, chainHeader({ seq: 2, prev: bytesFor("p") }), bytesFor("payload"), (message) => {
      return [{ scheme: SCHEME_ED25519, bytes: alice.sign(message) }];
    });
    const read = decodeEntry(keys, written.bytes) as Entry<ChainHeader>;
    const arrays = [...Object.values(read), ...Object.values(read.header)].filter((one) => one instanceof Uint8Array);
    const { mesh, key, log, seen } = read.header;
    expect(new Set(arrays)).toEqual(new Set([written.bytes, mesh, key, log, seen]));
    for (const part of [read.payload, read.signed, read.header.prev, read.signatures[0]?.bytes]) {
      expect(part?.buffer).toBe(written.bytes.buffer);
    }
  });

  it("is refused at every length but its own", () => {
    fc.assert(
      fc.property(entry, fc.nat(), ({ bytes }, at) => {
        expect(() => decodeEntry(keys, bytes.subarray(0, at % bytes.length))).toThrow(MalformedError);
        expect(() => decodeEntry(keys, Uint8Array.of(...bytes, 0))).toThrow(MalformedError);
      }),
    );
    const one = signed({ kind: "observed", ...same, seq: 1, hlc: { ms: AT, count: 0 } }, bytesFor("payload"));
    for (let length = 0; length < one.bytes.length; length++) {
      expect(() => decodeEntry(keys, one.bytes.subarray(0, length))).toThrow(MalformedError);
    }
  });

  it("with any bit changed is refused, is another entry, or has lost its signature", () => {
    const headers: Header[] = [
      { kind: "authority", ...same, parents: [bytesFor("p")], type: "grant" },
      {
        kind: "chain",
        ...same,
        class: 1,
        seq: 2,
        prev: bytesFor("p"),
        hlc: { ms: AT, count: 7 },
        seen: ZERO_HASH,
        more: 0,
      },
      { kind: "observed", ...same, seq: 3, hlc: { ms: AT, count: 7 } },
    ];
    for (const head of headers) {
      const original = signed(head, bytesFor("payload"));
      expect(carriesValidSignature(keys, original)).toBe(true);
      for (let bit = 0; bit < 8 * original.bytes.length; bit++) {
        const bytes = Uint8Array.from(original.bytes);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        let read: Entry;
        try {
          read = decodeEntry(keys, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
          continue;
        }
        if (read.id === original.id) expect(carriesValidSignature(keys, read), `bit ${bit}`).toBe(false);
      }
    }
  });

  it("is never taken for one of another kind: each kind signs in its own domain", () => {
    const head: ObservedHeader = { kind: "observed", ...same, seq: 1, hlc: { ms: AT, count: 0 } };
    const payload = bytesFor("payload");
    const plain = encodeSigned(head, payload);
    const messages = ["authority", "chain"].map((kind) => Uint8Array.of(...ascii(`lab/1/sign-${kind}\0`), ...plain));
    for (const message of messages) {
      const swapped = sealEntry(keys, head, payload, () => [{ scheme: SCHEME_ED25519, bytes: alice.sign(message) }]);
      expect(carriesValidSignature(keys, swapped)).toBe(false);
    }
  });

  it.each<[string, Header]>([
    ["a chain entry that counts from zero", chainHeader({ seq: 0, prev: ZERO_HASH })],
    ["a first chain entry with a predecessor", chainHeader({ seq: 1, prev: bytesFor("p") })],
    ["a later chain entry without one", chainHeader({ seq: 2, prev: ZERO_HASH })],
    ["a report that counts from zero", { kind: "observed", ...sameKey(), seq: 0, hlc: { ms: 0, count: 0 } }],
    ["a number beyond what a double holds", chainHeader({ seq: 2 ** 53, prev: bytesFor("p") })],
    ["parents out of order", { kind: "authority", ...sameKey(), parents: [hashOf(2), hashOf(1)], type: "grant" }],
    ["a parent twice", { kind: "authority", ...sameKey(), parents: [hashOf(1), hashOf(1)], type: "grant" }],
    ["a type that is no word", { kind: "authority", ...sameKey(), parents: [], type: "Grant" }],
    ["an empty type", { kind: "authority", ...sameKey(), parents: [], type: "" }],
    [
      "65 parents",
      { kind: "authority", ...sameKey(), parents: Array.from({ length: 65 }, (_, i) => hashOf(i + 1)), type: "grant" },
    ],
  ])("is refused with %s", (_, head) => {
    expect(() => decodeEntry(keys, sealEntry(keys, head, new Uint8Array(0), () => []).bytes)).toThrow(MalformedError);
  });

  it("of another version or kind, or larger than the limit, is refused", () => {
    const { bytes } = signed(chainHeader({ seq: 2, prev: bytesFor("p") }), bytesFor("payload"));
    for (const [at, value] of [
      [0, 2],
      [1, 4],
      [1, 0],
    ] as const) {
      const other = Uint8Array.from(bytes);
      other[at] = value;
      expect(() => decodeEntry(keys, other)).toThrow(MalformedError);
    }
    const payload = new Uint8Array(MAX_ENTRY_BYTES);
    expect(() => decodeEntry(keys, signed(chainHeader({ seq: 2, prev: bytesFor("p") }), payload).bytes)).toThrow(
      "at most 65536 bytes",
    );
  });
});

const same = sameKey();

function sameKey() {
  return { mesh: bytesFor("mesh"), key: alice.publicKey, log: bytesFor("log") };
}

function chainHeader(fields: Pick<ChainHeader, "seq" | "prev">): ChainHeader {
  return { kind: "chain", ...sameKey(), class: 1, hlc: { ms: AT, count: 0 }, seen: ZERO_HASH, more: 0, ...fields };
}

function hashOf(value: number): Uint8Array {
  return new Uint8Array(32).fill(value);
}

function signed<H extends Header>(head: H, payload: Uint8Array): Entry<H> {
  return sealEntry(keys, head, payload, (message) => [{ scheme: SCHEME_ED25519, bytes: alice.sign(message) }]);
}

describe("what a later release may say", () => {
  const founding = found();
  const founder = founding.founders.alice as Author;

  async function pass(from: Peer, to: Peer): Promise<void> {
    const [asking, answering] = [new ReplicaExchange(to.replica, keys), new ReplicaExchange(from.replica, keys)];
    const round = asking.begin();
    for (let request: Uint8Array | null = round.request; request !== null; ) {
      request = await round.next(await answering.answer(request));
    }
  }

  it("in an authority type that is not known, is kept, passed on, built upon, and without effect", async () => {
    const peer = await Peer.of(founding);
    const position = peer.compose(founder, { type: "approve", entry: bytesFor("x") }).header;
    const payload = encode({ quorum: [1, 2], note: "later" });
    const unknown = sealEntry(keys, { ...position, type: "quorum" }, payload, (message) => [
      { scheme: SCHEME_ED25519, bytes: founder.signer.sign(message) },
    ]);
    const before = picture(peer) as Record<string, unknown>;
    await peer.take([unknown]);
    const after = picture(peer) as Record<string, unknown>;
    expect({ ...after, state: 0, effective: 0 }).toEqual({ ...before, state: 0, effective: 0 });
    const bob = await peer.grant(founder, "bob");
    expect(toHex(peer.replica.graph.find(toHex(bob.log))?.entry.header.parents[0] as Uint8Array)).toBe(unknown.id);
    const other = await Peer.of(founding);
    await pass(peer, other);
    expect(other.replica.graph.find(unknown.id)?.entry.bytes).toEqual(unknown.bytes);
    expect(picture(other)).toEqual(picture(peer));
  });

  it("in a chain class that is not known, is kept, passed on, and without effect", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(founder, "web-1");
    const state = toHex(peer.replica.stateHash());
    const later = link(peer, web1, null, bytesFor("anything"), { class: 77, hlc: { ms: AT, count: 1 } });
    await peer.take([later]);
    expect(toHex(peer.replica.stateHash())).toBe(state);
    const other = await Peer.of(founding);
    await pass(peer, other);
    expect(other.replica.chain(toHex(web1.log), 77)?.main[0]?.entry.bytes).toEqual(later.bytes);
  });

  it("in a field that is not known, survives, and the fields that are known count", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(founder, "web-1");
    const { header: head } = peer.compose(founder, { type: "approve", entry: bytesFor("x") });
    const body = { node: web1.log, label: "secret-store", at: AT, until: 5, why: { nested: ["words"] } };
    const role = sealEntry(keys, { ...head, type: "role" }, encode(body), (message) => [
      { scheme: SCHEME_ED25519, bytes: founder.signer.sign(message) },
    ]);
    await peer.take([role]);
    expect(
      peer.replica
        .view()
        .holders("secret-store")
        .map(({ name }) => name),
    ).toEqual(["web-1"]);
    const other = await peer.twin();
    expect(other.replica.graph.find(role.id)?.entry.payload).toEqual(encode(body));
  });

  it("in a right that is not known, gives nothing here and does not lose the grant", () => {
    const body = { key: alice.publicKey, name: "bob", rank: 2, need: { admin: 1, destroy: 1 }, at: AT, scope: "*" };
    expect(decodeBody("grant", encode({ ...body, rights: ["ops", "witness"] }))).toMatchObject({ rights: ["ops"] });
  });

  it("in a signature scheme that is not known, does not count as a signature", () => {
    const head = chainHeader({ seq: 2, prev: bytesFor("p") });
    const entryOfTwo = sealEntry(keys, head, bytesFor("payload"), (message) => [
      { scheme: 9, bytes: bytesFor("later") },
      { scheme: SCHEME_ED25519, bytes: alice.sign(message) },
    ]);
    const later = sealEntry(keys, head, bytesFor("payload"), () => [{ scheme: 9, bytes: bytesFor("later") }]);
    expect(carriesValidSignature(keys, entryOfTwo)).toBe(true);
    expect(carriesValidSignature(keys, later)).toBe(false);
    expect(entryOfTwo.id).toBe(later.id);
  });
});

describe("a body", () => {
  const grant = {
    key: alice.publicKey,
    name: "bob",
    rank: 2,
    rights: ["ops"],
    need: { admin: 1, destroy: 1 },
    at: 1,
    scope: "*",
  };

  it.each<[string, string, object]>([
    ["a grant without scope", "grant", { ...grant, scope: undefined }],
    ["a grant whose threshold is nobody", "grant", { ...grant, need: { admin: 0, destroy: 1 } }],
    ["a grant with half a rank", "grant", { ...grant, rank: 1.5 }],
    ["a grant to a key of 31 bytes", "grant", { ...grant, key: alice.publicKey.subarray(1) }],
    ["a grant to a name of 64 bytes", "grant", { ...grant, name: "ü".repeat(32) }],
    [
      "a cut with a keep without ledger",
      "cut",
      { key: alice.publicKey, keeps: [{ log: ZERO_HASH, a: null }], reason: "", at: 1 },
    ],
    [
      "an enrolment of a name that is none",
      "enrol",
      { name: "Web-1", key: alice.publicKey, seal: `age1${"q".repeat(58)}`, proof: new Uint8Array(64), at: 1 },
    ],
    [
      "an enrolment without a recipient",
      "enrol",
      { name: "web-1", key: alice.publicKey, seal: "age2", proof: new Uint8Array(64), at: 1 },
    ],
    ["a role with a label that is none", "role", { node: ZERO_HASH, label: "a/b", at: 1 }],
    ["a list instead of a map", "role", []],
  ])("is refused: %s", (_, type, fields) => {
    expect(() => decodeBody(type, encode(fields as never))).toThrow(MalformedError);
  });

  it("of a token is refused when its attributes are no map of labels to texts", () => {
    const token = {
      id: new Uint8Array(16),
      secretHash: ZERO_HASH,
      name: null,
      labels: [],
      roles: [],
      issuer: ZERO_HASH,
      nbf: 1,
      exp: 2,
      at: 1,
    };
    expect(decodeBody("token", encode({ ...token, attributes: { region: "eu" } }))).toMatchObject({ type: "token" });
    for (const attributes of [[], { region: 1 }, { "a b": "c" }, { region: "x".repeat(64) }, new Uint8Array(0)]) {
      expect(() => decodeBody("token", encode({ ...token, attributes } as never))).toThrow(MalformedError);
    }
  });
});
