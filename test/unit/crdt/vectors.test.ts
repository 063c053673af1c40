import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeVectors } from "../../../scripts/vectors.ts";
import { fromHex, toHex } from "../../../src/core/bytes.ts";
import { MalformedError } from "../../../src/core/encoding.ts";
import { readToken } from "../../../src/core/enrolment.ts";
import { decodeEntry, type Entry } from "../../../src/crdt/entry/entry.ts";
import { carriesValidSignature } from "../../../src/crdt/entry/signatures.ts";
import { DocumentCursor } from "../../../src/crdt/ledger/document-cursor.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import authority from "../../vectors/authority.json" with { type: "json" };
import entries from "../../vectors/entries.json" with { type: "json" };
import ledgers from "../../vectors/ledgers.json" with { type: "json" };
import liveness from "../../vectors/liveness.json" with { type: "json" };
import tokens from "../../vectors/tokens.json" with { type: "json" };
import { keys, memoryDisk } from "./fixture.ts";

const VECTORS = join(import.meta.dirname, "../../vectors");
const bytes = (hex: string): Uint8Array => fromHex(hex)!;

describe("the protocol's vectors, frozen with the first release,", () => {
  it("are what this release writes", async () => {
    for (const [name, content] of Object.entries(await makeVectors())) {
      expect(`${JSON.stringify(content, null, 2)}\n`, name).toBe(readFileSync(join(VECTORS, name), "utf8"));
    }
  });

  it("of entries are read with their hash and signature, or refused", () => {
    for (const vector of entries.entries) {
      const entry = decodeEntry(keys, bytes(vector.bytes));
      expect([entry.id, toHex(entry.payload)], vector.name).toEqual([vector.hash, vector.payload]);
      expect(carriesValidSignature(keys, entry), vector.name).toBe(vector.signatures > 0);
    }
    const bad = decodeEntry(keys, bytes(entries.badSignature.bytes));
    expect([bad.id, carriesValidSignature(keys, bad)]).toEqual([entries.badSignature.hash, false]);
    for (const { name, bytes: hex } of entries.refused) {
      expect(() => decodeEntry(keys, bytes(hex)), name).toThrow(MalformedError);
    }
  });

  it("of authority mean what they say, in any order", async () => {
    const replica = new Replica(keys, bytes(authority.mesh), memoryDisk());
    const backwards = authority.entries.map((entry) => bytes(entry.bytes)).toReversed();
    await replica.admit(backwards, "exchange");
    const view = replica.view();
    expect(view.operators.map(({ log, name, rank, state }) => ({ log, name, rank, state }))).toEqual(
      authority.means.operators,
    );
    const nodes = [...view.nodes.values()].map(({ id, name, naming, state }) => {
      return { id, name, naming, state, labels: view.labelsOf(id) };
    });
    expect(nodes).toEqual(authority.means.nodes);
    expect(toHex(replica.stateHash())).toBe(authority.stateHash);
    for (const { log } of authority.logs) expect(replica.graph.logs.has(log), log).toBe(true);
  });

  it("of a ledger are read write by write", () => {
    const cursor = new DocumentCursor(keys, bytes(ledgers.log));
    expect(cursor.client).toBe(ledgers.client);
    let last: Entry | null = null;
    for (const vector of ledgers.entries) {
      const entry = decodeEntry(keys, bytes(vector.bytes));
      if (entry.header.kind !== "chain") throw new Error("not of a chain");
      expect(cursor.next).toBe(vector.firstClock);
      const writes = cursor.advance(entry.payload, entry.header.hlc);
      expect(writes.map((write) => JSON.parse(JSON.stringify(write)) as unknown)).toEqual(vector.writes);
      last = entry;
    }
    const hlc = last?.header.kind === "chain" ? last.header.hlc : { ms: 0, count: 0 };
    for (const { name, update } of ledgers.refusedNext) {
      expect(() => cursor.advance(bytes(update), hlc), name).toThrow(MalformedError);
    }
  });

  it("of tokens are read, or refused with one clear line", () => {
    expect(readToken(keys, tokens.text)).toMatchObject({ name: "web-1", expiresMs: 1_800_003_600_000 });
    for (const text of tokens.refused) {
      expect(() => readToken(keys, text), text).toThrow(expect.objectContaining({ code: "TokenRefused" }));
    }
  });
});

describe("a verifier in another language, written from docs/protocol alone,", () => {
  const python = spawnSync("python3", ["--version"], { encoding: "utf8" });
  let copy = "";
  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "lab-vectors-"));
    cpSync(VECTORS, copy, { recursive: true });
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));
  const verifier = () => spawnSync("python3", [join(copy, "verify.py")], { encoding: "utf8" });

  it("agrees with every vector, and notices when one is changed", () => {
    if (python.status !== 0) {
      console.info("verify.py was not run: there is no python3 on this machine");
      return;
    }
    expect(verifier()).toMatchObject({ status: 0, stdout: "60 vectors verified\n", stderr: "" });
    for (const [name, from, to] of [
      ["entries.json", entries.entries[2]!.bytes.slice(-8), "00000000"],
      ["authority.json", authority.logs[5]!.log, "00".repeat(32)],
      ["ledgers.json", '"path": "label/web"', '"path": "label/wab"'],
      ["liveness.json", liveness.digest, "00".repeat(8)],
      ["liveness.json", liveness.own[1]!.signature.slice(-8), "00000000"],
      ["tokens.json", tokens.secretHash, "00".repeat(32)],
    ] as const) {
      const original = readFileSync(join(copy, name), "utf8");
      writeFileSync(join(copy, name), original.replaceAll(from, to));
      expect(verifier().status, name).toBe(1);
      writeFileSync(join(copy, name), original);
    }
  });
});
