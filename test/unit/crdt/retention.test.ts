import { beforeEach, describe, expect, it } from "vitest";
import type { SimDisk } from "../../../sim/disk.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { checkChain } from "../../../src/crdt/chain-check.ts";
import { CLASS_AUDIT, type ChainHeader, type Entry } from "../../../src/crdt/entry/entry.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import { firstKept } from "../../../src/crdt/retention.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { AT, auditRun, type Author, found, keys, link, memoryDisk, type NodeAuthor, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const RECORDS = 20;
/** `auditRun` writes record i at AT + i: so that 1 to 11 are old. */
const OLD_MS = AT + 12;

let nas: NodeAuthor;
let whole: Peer;
let records: Entry<ChainHeader>[];

beforeEach(async () => {
  whole = await Peer.of(founding);
  nas = await whole.enrol(alice, "nas-1");
  records = auditRun(whole, nas, RECORDS);
  await whole.take(records);
});

/** A peer for which everything before OLD_MS is old, with these entries or with what a disk has. */
async function member(entries: readonly Entry[], disk: SimDisk = memoryDisk(), oldMs = OLD_MS): Promise<Replica> {
  const replica = new Replica(keys, whole.mesh, disk, () => oldMs);
  await replica.load();
  const answers = await replica.admit(
    entries.map(({ bytes }) => bytes),
    "exchange",
  );
  expect(answers.filter(({ state }) => state !== "admitted" && state !== "known")).toEqual([]);
  return replica;
}

async function trimmed(disk: SimDisk = memoryDisk()): Promise<Replica> {
  const replica = await member(whole.entries(), disk);
  await replica.letGo(() => OLD_MS);
  return replica;
}

const logOf = (replica: Replica) => replica.chain(toHex(nas.log), CLASS_AUDIT);
const numbersOf = (replica: Replica) => logOf(replica)?.main.map(({ entry }) => entry.header.seq);
const rootOf = (replica: Replica) => toHex(new ReplicaExchange(replica, keys).inventory.digest(""));
const authority = () => whole.entries().filter(({ header }) => header.kind === "authority");
const from = (seq: number, to = RECORDS) => Array.from({ length: to - seq + 1 }, (_, i) => seq + i);

async function copyOf(disk: SimDisk): Promise<SimDisk> {
  const copy = memoryDisk("copy");
  await copy.append(await disk.scan(""), true);
  return copy;
}

async function exchange(asking: Replica, answering: Replica): Promise<void> {
  const round = new ReplicaExchange(asking, keys).begin();
  const other = new ReplicaExchange(answering, keys);
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    request = await round.next(await other.answer(request));
  }
}

describe("an audit log that is older than it need be kept", () => {
  it("begins with the last record that is old, in memory, on the disk and after a start", async () => {
    const disk = memoryDisk();
    const replica = await trimmed(disk);
    expect(numbersOf(replica)).toEqual(from(11));
    expect([logOf(replica)?.size, logOf(replica)?.held]).toEqual([RECORDS, 10]);
    expect(await disk.count("c/")).toBe(10);
    const again = await member([], await copyOf(disk));
    expect([numbersOf(again), again.missing, again.damaged]).toEqual([from(11), 0, []]);
    expect(rootOf(again)).toBe(rootOf(whole.replica));
  });

  it("goes on as ever, and is let go of further when more of it is old", async () => {
    const disk = memoryDisk();
    const replica = await trimmed(disk);
    const next = link(whole, nas, records.at(-1) ?? null, new Uint8Array(3), {
      class: CLASS_AUDIT,
      hlc: { ms: AT + 50, count: 0 },
    });
    await replica.admit([next.bytes], "gossip");
    await replica.letGo(() => AT + 18);
    expect(numbersOf(replica)).toEqual(from(17, 21));
    expect(numbersOf(await member([], await copyOf(disk)))).toEqual(from(17, 21));
  });

  it("is not let go of where its writer signed two histories: they are the proof", async () => {
    const other = link(whole, nas, records[3] as Entry<ChainHeader>, new Uint8Array(1), {
      class: CLASS_AUDIT,
      hlc: { ms: AT + 5, count: 0 },
    });
    const replica = await member([...whole.entries(), other]);
    await replica.letGo(() => OLD_MS);
    expect(logOf(replica)?.held).toBe(RECORDS + 1);
  });

  it("is let go of as well where it was read from a base on", async () => {
    const disk = memoryDisk();
    const replica = await member(whole.entries(), disk);
    await replica.sumUp(3);
    const based = await member([], disk);
    expect([logOf(based)?.below, logOf(based)?.unread]).toEqual([18, 18]);
    await based.letGo(() => OLD_MS);
    expect([logOf(based)?.below, logOf(based)?.unread, logOf(based)?.letGo]).toEqual([18, 8, 10]);
    expect(await disk.count("c/")).toBe(10);
    await based.checkBelow();
    await based.makeWhole();
    expect(numbersOf(based)).toEqual(from(11));
    const copy = await copyOf(disk);
    const again = await member([], copy);
    expect([logOf(again)?.below, logOf(again)?.letGo, again.missing]).toEqual([18, 10, 0]);
    await again.letGo(() => AT + 100);
    expect(numbersOf(again)).toEqual([RECORDS]);
    expect(numbersOf(await member([], copy))).toEqual([RECORDS]);
  });

  it("comes to no harm if the power fails between its two steps, or an older copy of the disk brings it back", async () => {
    const disk = memoryDisk();
    await member(whole.entries(), disk);
    const before = await disk.scan("c/");
    await trimmed(disk);
    await disk.append(before, true);
    const again = await member([], disk);
    expect([numbersOf(again), again.missing, await disk.count("c/")]).toEqual([from(11), 0, 10]);
  });

  it("is missed as ever when a record that was to stay is gone", async () => {
    const disk = memoryDisk();
    await trimmed(disk);
    const [, second] = await disk.scan("c/");
    await disk.remove([second?.key ?? ""], true);
    expect((await member([], disk)).missing).toBe(1);
  });
});

describe("a peer that is given a trimmed log", () => {
  it("begins it there when it has nothing, and agrees with everybody", async () => {
    const fresh = await member(authority());
    await exchange(fresh, await trimmed());
    expect(numbersOf(fresh)).toEqual(from(11));
    expect(rootOf(fresh)).toBe(rootOf(whole.replica));
    await exchange(fresh, whole.replica);
    expect(numbersOf(fresh)).toEqual(from(11));
  });

  it("takes all of it from whoever has all of it, whatever is old", async () => {
    const fresh = await member(authority());
    await exchange(fresh, whole.replica);
    expect(numbersOf(fresh)).toEqual(from(1));
  });

  it("takes it also where it was away for so long that nothing in between is left", async () => {
    const disk = memoryDisk();
    const away = await member([...authority(), ...records.slice(0, 5)], disk);
    await exchange(away, await trimmed());
    expect(numbersOf(away)).toEqual(from(11));
    const again = await member([], await copyOf(disk));
    expect([numbersOf(again), again.missing]).toEqual([from(11), 0]);
  });

  it("only goes on with it where it still knows a record that is there", async () => {
    const behind = await member([...authority(), ...records.slice(0, 14)]);
    await exchange(behind, await trimmed());
    expect(numbersOf(behind)).toEqual(from(1));
  });

  it("begins with no record that is not old: whoever withholds the rest is asked again", async () => {
    const fresh = await member(authority(), memoryDisk(), AT);
    await exchange(fresh, await trimmed());
    expect(logOf(fresh)).toBeUndefined();
    await exchange(fresh, whole.replica);
    expect(numbersOf(fresh)).toEqual(from(1));
  });

  it("begins with nothing that gossip brings", async () => {
    const fresh = await member(authority());
    const [answer] = await fresh.admit([(records[10] as Entry).bytes], "gossip");
    expect(answer?.state).toBe("waiting");
  });

  it("does not wait for what it let go of, whoever hands that over", async () => {
    const replica = await trimmed();
    const answers = await replica.admit(
      records.slice(0, 12).map(({ bytes }) => bytes),
      "local",
    );
    expect(new Set(answers.map(({ state }) => state))).toEqual(new Set(["known"]));
    expect(replica.parked.entries).toBe(0);
    expect(rootOf(replica)).toBe(rootOf(whole.replica));
  });
});

describe("what is held against its retention", () => {
  const flawsOf = (entries: readonly Entry<ChainHeader>[], beforeMs: number, seen = entries.at(-1)) => {
    const heads = seen === undefined ? [] : [{ seq: seen.header.seq, hash: seen.id }];
    return checkChain(keys, toHex(nas.signer.publicKey), entries, heads, firstKept(entries, beforeMs));
  };

  it("has no flaw when only old records are gone", async () => {
    expect(await flawsOf(records.slice(10), OLD_MS)).toEqual([]);
  });

  it("was cut when younger ones are gone, at the beginning, in the middle or at the end", async () => {
    const missing = (seq: number, to: number) => [{ problem: "missing", seq, to }];
    expect(await flawsOf(records.slice(12), OLD_MS)).toEqual(missing(1, 12));
    expect(await flawsOf([...records.slice(10, 13), ...records.slice(14)], OLD_MS)).toEqual(missing(14, 14));
    expect(await flawsOf(records.slice(10, 18), OLD_MS, records.at(-1))).toEqual(missing(19, 20));
    expect(await flawsOf(records.slice(3, 8), OLD_MS, records.at(-1))).toEqual(missing(9, 20));
  });
});
