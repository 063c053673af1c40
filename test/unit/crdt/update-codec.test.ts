import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { seededRandom } from "../../../sim/random.ts";
import { concat, toHex } from "../../../src/core/bytes.ts";
import { MalformedError } from "../../../src/core/encoding.ts";
import type { Hlc } from "../../../src/core/hlc.ts";
import type { Json } from "../../../src/core/json.ts";
import type { Random } from "../../../src/core/ports/random.ts";
import { utf8Encode } from "../../../src/core/utf8.ts";
import { ledgerDocument } from "../../../src/crdt/ledger/document.ts";
import { DocumentCursor } from "../../../src/crdt/ledger/document-cursor.ts";
import { isLedgerPath, type LedgerWrite, ROOT_NAME } from "../../../src/crdt/ledger/update-codec.ts";
import { bytesFor, keys } from "./fixture.ts";

const LOG = bytesFor("log of alice");
const hlcAt = (step: number): Hlc => ({ ms: 1_800_000_000_000 + step, count: step % 3 });

/** What Yjs itself would hold and send for the same writes. */
class YjsWriter {
  readonly doc = new Y.Doc({ guid: "ledger" });
  #sent: Uint8Array = new Uint8Array(0);

  constructor(client: number) {
    this.doc.clientID = client;
    this.doc.on("update", (update: Uint8Array) => {
      this.#sent = update;
    });
  }

  write(writes: readonly LedgerWrite[], { ms, count }: Hlc): Uint8Array {
    return this.transact((map) => {
      for (const { path, value, over } of writes) map.set(path, carried(value, over, [ms, count]));
    });
  }

  transact(change: (map: Y.Map<unknown>) => void): Uint8Array {
    this.doc.transact(() => change(this.doc.getMap(ROOT_NAME)));
    return this.#sent;
  }
}

function carried(value: Json | undefined, over: readonly string[], t: [number, number]): Record<string, unknown> {
  return { ...(value === undefined ? {} : { v: value }), t, ...(over.length === 0 ? {} : { o: over }) };
}

const name = fc
  .string({ unit: "binary", maxLength: 12 })
  .filter((key) => !/^(__proto__|constructor|prototype)$/.test(key));
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.float({ noDefaultInfinity: true, noNaN: true }),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
);
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    number.map((value) => (Object.is(value, -0) ? 0 : value)),
    fc.string({ unit: "binary" }),
    fc.string({ minLength: 100, maxLength: 400 }),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(name, tie("json"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const PATHS = Array.from({ length: 30 }, (_, i) => `server/${"0123456789abcdef".repeat(i % 5)}n${i}/label/l-${i}`);
const write: fc.Arbitrary<LedgerWrite> = fc.record({
  path: fc.constantFrom(...PATHS),
  value: fc.option(json, { nil: undefined, freq: 6 }),
  over: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex), { maxLength: 2 }),
});
const transaction = fc.uniqueArray(write, { minLength: 1, maxLength: 12, selector: ({ path }) => path });
const history = fc.array(transaction, { minLength: 6, maxLength: 25 });

describe("the bytes of a ledger's update", () => {
  it("are those of Yjs, transaction by transaction, and mean the same", async () => {
    let transactions = 0;
    const likeYjs = fc.asyncProperty(history, async (steps) => {
      const writer = new DocumentCursor(keys, LOG);
      const reader = new DocumentCursor(keys, LOG);
      const yjs = new YjsWriter(writer.client);
      const updates: Uint8Array[] = [];
      const expected = new Map<string, unknown>();
      for (const [i, writes] of steps.entries()) {
        const update = writer.encode(writes, hlcAt(i));
        expect(toHex(update)).toBe(toHex(yjs.write(writes, hlcAt(i))));
        expect(reader.advance(update, hlcAt(i))).toEqual(writes);
        writer.advance(update, hlcAt(i));
        for (const { path, value, over } of writes) {
          expected.set(path, carried(value, over, [hlcAt(i).ms, hlcAt(i).count]));
        }
        updates.push(update);
        transactions++;
      }
      const document = opened(await ledgerDocument(updates, "ledger"));
      expect(document.getMap(ROOT_NAME).toJSON()).toEqual(Object.fromEntries(expected));
      expect(Y.encodeStateAsUpdate(document)).toEqual(Y.encodeStateAsUpdate(yjs.doc));
    });
    await fc.assert(likeYjs, { numRuns: 200 });
    expect(transactions).toBeGreaterThan(2000);
  });

  it("are checked by their writer as every reader will check them", () => {
    const cursor = new DocumentCursor(keys, LOG);
    const refused = (value: unknown, path = "label/web", over: string[] = []) => {
      expect(() => cursor.encode([{ path, value: value as Json, over }], hlcAt(0))).toThrow(MalformedError);
    };
    for (const value of [new Date(0), new Uint8Array(1), { a: undefined }, Number.NaN, Infinity, 1n, Symbol("x")])
      refused(value);
    refused([[[[[[[[[1]]]]]]]]]);
    refused("x".repeat(16 * 1024 + 1));
    refused({ constructor: 1 });
    refused(1, "Label/web");
    refused(1, "label//web");
    refused(1, "x".repeat(257));
    refused(1, "label/web", ["12"]);
    const twice = { path: "label/web", value: 1, over: [] };
    expect(() => cursor.encode([twice, twice], hlcAt(0))).toThrow(MalformedError);
    expect(() => cursor.encode([], hlcAt(0))).toThrow(MalformedError);
    expect(cursor.next).toBe(0);
  });
});

function opened(state: Uint8Array): Y.Doc {
  const doc = new Y.Doc({ guid: "reader" });
  Y.applyUpdate(doc, state);
  return doc;
}

describe("paths", () => {
  it.each(["server/0a1b/label/web", "label/k8s-worker", "secret/web/tls", "group/*", "a:b~c_d.e"])(
    "can be %s",
    (path) => {
      expect(isLedgerPath(path)).toBe(true);
    },
  );
  it.each(["", "/", "a/", "/a", "a//b", "A", "a b", "../a", "-a", ".a", "a/\u0000", "ä"])("cannot be %j", (path) => {
    expect(isLedgerPath(path)).toBe(false);
  });
});

/** A document with some history, and the real Yjs document behind it. */
function ledger(): { cursor: DocumentCursor; yjs: YjsWriter; updates: Uint8Array[] } {
  const cursor = new DocumentCursor(keys, LOG);
  const yjs = new YjsWriter(cursor.client);
  const updates: Uint8Array[] = [];
  const steps: LedgerWrite[][] = [
    [
      { path: "label/web", value: { color: "red" }, over: [] },
      { path: "label/db", value: true, over: [] },
    ],
    [{ path: "label/web", value: { color: "blue" }, over: [] }],
    [
      { path: "label/x", value: [1, 2.5, "three"], over: [] },
      { path: "label/db", value: undefined, over: [] },
    ],
  ];
  for (const [i, writes] of steps.entries()) {
    const update = cursor.encode(writes, hlcAt(i));
    cursor.advance(update, hlcAt(i));
    yjs.write(writes, hlcAt(i));
    updates.push(update);
  }
  return { cursor, yjs, updates };
}

const NOW = hlcAt(9);
const T = [NOW.ms, NOW.count];

function varUint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push(128 | (rest & 127));
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const text = (value: string) => [...varUint(utf8Encode(value).length), ...utf8Encode(value)];
/** `{v: …, t: NOW}` with the value's bytes given. */
const value = (...any: number[]) => [118, 2, ...text("v"), ...any, ...text("t"), ...clock()];
const clock = () => [...anyBytes(T)];
const anyBytes = (json: Json): number[] => {
  const probe = new DocumentCursor(keys, bytesFor("probe"));
  const update = probe.encode([{ path: "p", value: json, over: [] }], NOW);
  const start = Buffer.from(update).indexOf(Buffer.from([118, 2, 1, 118])) + 4;
  const end = Buffer.from(update).lastIndexOf(Buffer.from([1, 116, 117, 2]));
  return [...update.subarray(start, end)];
};

describe("a hostile update is refused before Yjs could see it:", () => {
  const { cursor } = ledger();
  const { client, next } = cursor;
  const head = (structs: number, from = next, who = client) => [
    1,
    ...varUint(structs),
    ...varUint(who),
    ...varUint(from),
  ];
  const first = (path: string, ...any: number[]) => [0x28, 1, ...text(ROOT_NAME), ...text(path), 1, ...any];
  const over = (origin: number, ...any: number[]) => [0xa8, ...varUint(client), ...varUint(origin), 1, ...any];
  const good = value(120);
  const honest = [...head(1), ...first("label/new", ...good), 0];

  it("(an honest one made of the same parts is read)", () => {
    expect(ledger().cursor.advance(Uint8Array.from(honest), NOW)).toEqual([
      { path: "label/new", value: true, over: [] },
    ]);
  });

  const deep = Array.from({ length: 31_000 }, () => [117, 1]).flat();
  it.each<[string, number[]]>([
    ["32 million structs", [1, ...varUint(32_000_000), ...varUint(client), ...varUint(next)]],
    ["2^52 structs", [...head(2 ** 52)]],
    ["no struct", [...head(0), 0]],
    ["two clients", [2, ...honest.slice(1, -1), ...honest.slice(1)]],
    ["another client", [...head(1, next, client + 1), ...first("label/new", ...good), 0]],
    ["a gap", [...head(1, next + 1), ...first("label/new", ...good), 0]],
    ["a replay", [...head(1, next - 1), ...first("label/new", ...good), 0]],
    ["a clock at the end of numbers", [...head(1, Number.MAX_SAFE_INTEGER), ...first("label/new", ...good), 0]],
    ["a list of 2^52", [...head(1), ...first("label/new", ...value(117, ...varUint(2 ** 52))), 0]],
    ["an object of 2^52", [...head(1), ...first("label/new", ...value(118, ...varUint(2 ** 52))), 0]],
    ["a text of 2^52", [...head(1), ...first("label/new", ...value(119, ...varUint(2 ** 52))), 0]],
    ["31,000 nested lists", [...head(1), ...first("label/new", ...value(...deep, 126)), 0]],
    ["garbage collection of 2^52", [...head(1), 0, ...varUint(2 ** 52), 0]],
    ["deleted content of 2^52", [...head(1), 1, 0, ...varUint(2 ** 52), 0]],
    ["a skip", [...head(1), 10, ...varUint(5), 0]],
    ["a delete range of 2^52", [...honest.slice(0, -1), 1, ...varUint(client), 1, 0, ...varUint(2 ** 52)]],
    ["a delete of what it does not overwrite", [...honest.slice(0, -1), 1, ...varUint(client), 1, 0, 1]],
    ["a delete set of another client", [...head(1), ...over(2, ...good), 1, ...varUint(client + 1), 1, 2, 1]],
    ["an overwrite without its delete", [...head(1), ...over(2, ...good), 0]],
    ["a delete range of nothing", [...head(1), ...over(2, ...good), 1, ...varUint(client), 2, 2, 1, 3, 0]],
    ["an origin in itself", [...head(1), ...over(next, ...good), 1, ...varUint(client), 1, ...varUint(next), 1]],
    [
      "an origin in the future",
      [...head(1), ...over(next + 5, ...good), 1, ...varUint(client), 1, ...varUint(next + 5), 1],
    ],
    ["an origin that is no current value", [...head(1), ...over(0, ...good), 1, ...varUint(client), 1, 0, 1]],
    ["an origin of another client", [...head(1), 0xa8, ...varUint(client + 1), 2, 1, ...good, 0]],
    ["a right origin", [...head(1), 0xe8, ...varUint(client), 2, ...varUint(client), 2, 1, ...good, 0]],
    ["a key that has a value, without an origin", [...head(1), ...first("label/web", ...good), 0]],
    ["a key twice", [...head(2), ...first("label/new", ...good), ...first("label/new", ...good), 0]],
    ["a key that is no path", [...head(1), ...first("../etc", ...good), 0]],
    ["another root", [...head(1), 0x28, 1, ...text("other"), ...text("label/new"), 1, ...good, 0]],
    ["an item as parent", [...head(1), 0x28, 0, ...varUint(client), 0, ...text("label/new"), 1, ...good, 0]],
    ["two values in an item", [...head(1), 0x28, 1, ...text(ROOT_NAME), ...text("label/new"), 2, ...good, ...good, 0]],
    [
      "a member called __proto__",
      [...head(1), ...first("label/new", ...value(118, 1, ...text("__proto__"), 118, 0)), 0],
    ],
    [
      "a member called constructor",
      [...head(1), ...first("label/new", ...value(118, 1, ...text("constructor"), 126)), 0],
    ],
    ["a member twice", [...head(1), ...first("label/new", ...value(118, 2, ...text("a"), 126, ...text("a"), 126)), 0]],
    ["undefined", [...head(1), ...first("label/new", ...value(127)), 0]],
    ["a big integer", [...head(1), ...first("label/new", ...value(122, 0, 0, 0, 0, 0, 0, 0, 1)), 0]],
    ["bytes", [...head(1), ...first("label/new", ...value(116, 1, 1)), 0]],
    ["not a number", [...head(1), ...first("label/new", ...value(124, 0x7f, 0xc0, 0, 0)), 0]],
    ["minus zero", [...head(1), ...first("label/new", ...value(125, 64)), 0]],
    ["a whole number as a float", [...head(1), ...first("label/new", ...value(124, 0x3f, 0x80, 0, 0)), 0]],
    [
      "a narrow float in a wide one",
      [...head(1), ...first("label/new", ...value(123, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)), 0],
    ],
    ["an integer that is longer than it has to be", [...head(1), ...first("label/new", ...value(125, 0x81, 0)), 0]],
    ["text that is not UTF-8", [...head(1), ...first("label/new", ...value(119, 1, 0xff)), 0]],
    ["a count that is longer than it has to be", [1, 0x81, 0, ...honest.slice(2)]],
    ["a value that is no object", [...head(1), ...first("label/new", 120), 0]],
    ["a value without clock", [...head(1), ...first("label/new", 118, 1, ...text("v"), 120), 0]],
    [
      "a value of another time",
      [...head(1), ...first("label/new", 118, 2, ...text("v"), 120, ...text("t"), 117, 2, 125, 1, 125, 0), 0],
    ],
    [
      "a clock in words",
      [...head(1), ...first("label/new", 118, 1, ...text("t"), 117, 2, 119, ...text(String(T[0])), 119, 1, 0x30), 0],
    ],
    ["a third field", [...head(1), ...first("label/new", 118, 2, ...text("t"), ...clock(), ...text("x"), 120), 0]],
    [
      "an empty list of what it supersedes",
      [...head(1), ...first("label/new", 118, 2, ...text("t"), ...clock(), ...text("o"), 117, 0), 0],
    ],
    ["a byte too many", [...honest, 0]],
    ["a byte too few", honest.slice(0, -1)],
    ["nothing", []],
  ])("%s", (_, bytes) => {
    const victim = ledger().cursor;
    const before = [victim.next, victim.places()];
    expect(() => victim.advance(Uint8Array.from(bytes), NOW)).toThrow(MalformedError);
    expect([victim.next, victim.places()]).toEqual(before);
  });

  it.each<[string, (map: Y.Map<unknown>, doc: Y.Doc) => void]>([
    ["a delete of Yjs, which carries no clock", (map) => map.delete("label/web")],
    ["a shared text", (map) => map.set("label/new", new Y.Text("hello"))],
    ["a nested map", (map) => map.set("label/new", new Y.Map([["a", 1]]))],
    ["a subdocument", (map) => map.set("label/new", new Y.Doc({ guid: "sub" }))],
    ["bytes", (map) => map.set("label/new", bytesFor("x"))],
    ["a bare text", (map) => map.set("label/new", "x")],
    ["a write of one key twice", (map) => [1, 2].forEach((v) => map.set("label/new", { v, t: T }))],
    ["a root list", (_, doc) => doc.getArray("list").push([{ v: 1, t: T }])],
    ["another root map", (_, doc) => doc.getMap("other").set("label/new", { v: 1, t: T })],
    ["5,500 roots", (_, doc) => Array.from({ length: 5500 }, (__, i) => doc.getMap(`r${i}`).set("a", 1))],
    [
      "6,400 subdocuments",
      (map) => Array.from({ length: 6400 }, (__, i) => map.set(`a/${i}`, new Y.Doc({ guid: `${i}` }))),
    ],
    ["an undefined member", (map) => map.set("label/new", { v: undefined, t: T })],
  ])("what Yjs sends for %s", (_, change) => {
    const { cursor: victim, yjs } = ledger();
    const update = yjs.transact((map) => change(map, yjs.doc));
    expect(() => victim.advance(update, NOW)).toThrow(MalformedError);
  });

  it("six thousand items on one key, which Yjs would walk again for each", () => {
    const items = Array.from({ length: 6000 }, () => first("label/new", ...good)).flat();
    expect(() => ledger().cursor.advance(Uint8Array.from([...head(6000), ...items, 0]), NOW)).toThrow(MalformedError);
  });
});

describe("a fuzzed update", () => {
  it("that is accepted is one that Yjs applies whole, to the map that was read", () => {
    const random = seededRandom("fuzz");
    const parts = [...ledger().updates, ...[0, 1].map((i) => nextUpdate(i))];
    let accepted = 0;
    for (let round = 0; round < 15_000; round++) {
      const { cursor, updates } = fresh();
      const mutant = mutate(random, nextUpdate(random.below(2)), parts);
      let writes: readonly LedgerWrite[];
      try {
        writes = cursor.advance(mutant, NOW);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError);
        continue;
      }
      accepted++;
      const doc = new Y.Doc({ guid: "reader" });
      for (const update of [...updates, mutant]) Y.applyUpdate(doc, update);
      expect([doc.store.pendingStructs, doc.store.pendingDs]).toEqual([null, null]);
      expect([...doc.store.clients.keys()]).toEqual([cursor.client]);
      expect([...doc.share.keys()]).toEqual([ROOT_NAME]);
      const map = doc.getMap(ROOT_NAME).toJSON();
      for (const { path, value: read, over } of writes) {
        expect(map[path]).toEqual(carried(read, over, [NOW.ms, NOW.count]));
      }
      expect(Object.keys(map).sort()).toEqual(
        cursor
          .places()
          .map(([key]) => key)
          .sort(),
      );
    }
    expect(accepted).toBeGreaterThan(100);
  });
});

const template = ledger();

function fresh(): { cursor: DocumentCursor; updates: readonly Uint8Array[] } {
  const cursor = template.cursor.fresh();
  for (const [i, update] of template.updates.entries()) cursor.advance(update, hlcAt(i));
  return { cursor, updates: template.updates };
}

function nextUpdate(which: number): Uint8Array {
  const label: Json = { color: "green", numbers: [1, -2.5, 1e300, 7_000_000_000], flags: [true, null, { deep: "ä" }] };
  const writes: LedgerWrite[][] = [
    [
      { path: "label/web", value: label, over: ["ab".repeat(32)] },
      { path: "label/new", value: "text", over: [] },
    ],
    [
      { path: "label/new", value: undefined, over: [] },
      { path: "label/db", value: [label], over: [] },
    ],
  ];
  return template.cursor.encode(writes[which] as LedgerWrite[], NOW);
}

function mutate(random: Random, update: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const at = random.below(update.length);
  const rest = update.subarray(at);
  switch (random.below(6)) {
    case 0:
    case 1: {
      const flipped = Uint8Array.from(update);
      for (let n = random.below(3); n >= 0; n--) {
        const bit = random.below(8 * update.length);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      }
      return flipped;
    }
    case 2: {
      const set = Uint8Array.from(update);
      set[at] = random.below(256);
      return set;
    }
    case 3:
      return concat(update.subarray(0, at), random.bytes(1 + random.below(4)), rest);
    case 4:
      return concat(update.subarray(0, at), rest.subarray(1 + random.below(4)));
    default: {
      const other = parts[random.below(parts.length)] as Uint8Array;
      return concat(update.subarray(0, at), other.subarray(random.below(other.length)));
    }
  }
}
