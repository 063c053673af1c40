import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { DiskFailedError, DiskFullError } from "../../../src/core/ports/disk.ts";
import { SimClock } from "../../../sim/clock.ts";
import { SimDisk, type SimDiskOptions } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";
import { diskContract } from "../../contracts/disk-contract.ts";

diskContract("a simulated disk", async () => {
  let disk = new SimDisk({ random: seededRandom("disk") });
  return { disk, reopen: async () => (disk = disk.reopen()), discard: () => disk.close() };
});

const record = (key: string, text = key) => ({ key, value: ascii(text) });
const keysOf = async (disk: SimDisk) => (await disk.scan("")).map(({ key }) => key);

describe("a power cut", () => {
  const disk = (seed: number, options: Partial<SimDiskOptions> = {}) =>
    new SimDisk({ random: seededRandom(`${seed}`), ...options });

  test("takes nothing that was synced, nor anything written before it", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const before = disk(seed);
      await before.append([record("a")], false);
      await before.append([record("b")], true);
      await before.append([record("c")], false);
      await before.remove(["c"], true);
      before.crash();
      expect(await keysOf(before.reopen())).toEqual(["a", "b"]);
    }
  });

  test("leaves a prefix of what was not synced, sometimes none of it, sometimes all", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const before = disk(seed);
      for (const key of ["a", "b", "c"]) await before.append([record(key)], false);
      expect(await keysOf(before)).toEqual(["a", "b", "c"]);
      before.crash();
      seen.add((await keysOf(before.reopen())).join(""));
    }
    expect(seen).toEqual(new Set(["", "a", "ab", "abc"]));
  });

  test("never leaves half a batch", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }), async (seed, sizes) => {
        const before = disk(seed);
        for (const [at, size] of sizes.entries()) {
          await before.append(
            Array.from({ length: size }, (_, i) => record(`${at}/${i}`)),
            false,
          );
        }
        before.crash();
        const kept = await keysOf(before.reopen());
        for (const [at, size] of sizes.entries()) {
          const ofBatch = kept.filter((key) => key.startsWith(`${at}/`)).length;
          expect([0, size]).toContain(ofBatch);
        }
      }),
    );
  });

  test("tears the batch that was being written, where that is asked for", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const before = disk(seed, { cut: "tear" });
      await before.append([record("a1"), record("a2")], false);
      await before.append([record("b1"), record("b2")], false);
      before.crash();
      seen.add((await keysOf(before.reopen())).join(" "));
    }
    expect(seen).toEqual(new Set(["", "a1", "a1 a2", "a1 a2 b1", "a1 a2 b1 b2"]));
  });

  test("brings back what was removed without a sync, or does not", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const before = disk(seed);
      await before.append([record("a")], true);
      await before.remove(["a"], false);
      expect(await keysOf(before)).toEqual([]);
      before.crash();
      seen.add((await keysOf(before.reopen())).join(""));
    }
    expect(seen).toEqual(new Set(["", "a"]));
  });

  test("also comes after the process has ended", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const before = disk(seed);
      await before.append([record("a")], false);
      await before.close();
      expect(await keysOf(before.reopen())).toEqual(["a"]);
      before.crash();
      seen.add((await keysOf(before.reopen())).join(""));
    }
    expect(seen).toEqual(new Set(["", "a"]));
  });

  test("leaves the process that had the disk without any answer", async () => {
    const clock = new SimClock();
    const before = disk(1, { clock, latencyMs: 5 });
    const answers: string[] = [];
    const note = (name: string) => [() => answers.push(`${name} done`), () => answers.push(`${name} failed`)] as const;
    void before.append([record("a")], true).then(...note("write before"));
    before.crash();
    void before.append([record("b")], true).then(...note("write after"));
    void before.read("a").then(...note("read"));
    void before.scan("").then(...note("scan"));
    await clock.runUntil(1000);
    expect(answers).toEqual([]);
  });

  test("ends the same way for the same seed", async () => {
    const run = async () => {
      const before = disk(7, { cut: "tear" });
      for (let i = 0; i < 20; i++) await before.append([record(`${i}/a`), record(`${i}/b`)], false);
      before.crash();
      return keysOf(before.reopen());
    };
    expect(await run()).toEqual(await run());
  });
});

describe("a simulated disk", () => {
  test("takes up to its latency for a write, in virtual time, and keeps the order", async () => {
    const clock = new SimClock();
    const disk = new SimDisk({ random: seededRandom("latency"), clock, latencyMs: 5 });
    const doneAtMs: number[] = [];
    const tookMs: number[] = [];
    for (let i = 0; i < 100; i++) {
      clock.after(2 * i, () => {
        const write = disk.append([record("a", `${i}`)], i % 2 === 0);
        void write.then(() => doneAtMs.push(clock.monotonic())).then(() => tookMs.push(clock.monotonic() - 2 * i));
      });
    }
    await clock.runUntil(1000);
    expect(doneAtMs).toHaveLength(100);
    expect(doneAtMs).toEqual([...doneAtMs].sort((a, b) => a - b));
    expect(new Set(tookMs)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect(await disk.read("a")).toEqual(ascii("99"));
  });

  test("loses or keeps a write that was on its way, but never a sync that was acknowledged", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const clock = new SimClock();
      const disk = new SimDisk({ random: seededRandom(`${seed}`), clock, latencyMs: 10 });
      const acknowledged: string[] = [];
      for (const key of ["a", "b", "c"]) void disk.append([record(key)], true).then(() => acknowledged.push(key));
      await clock.runUntil(6);
      disk.crash();
      const kept = await keysOf(disk.reopen());
      expect(kept.slice(0, acknowledged.length)).toEqual(acknowledged);
      seen.add(kept.length > acknowledged.length ? "kept more" : "kept the acknowledged");
    }
    expect(seen).toEqual(new Set(["kept more", "kept the acknowledged"]));
  });

  test("takes nothing while it is full, and still reads", async () => {
    const disk = new SimDisk({ random: seededRandom("full") });
    await disk.append([record("a")], true);
    disk.full = true;
    await expect(disk.append([record("b")], false)).rejects.toThrow(DiskFullError);
    await expect(disk.remove(["a"], false)).rejects.toThrow(DiskFullError);
    expect(await keysOf(disk)).toEqual(["a"]);
    disk.full = false;
    await disk.append([record("b")], false);
    expect(await keysOf(disk)).toEqual(["a", "b"]);
  });

  test("flips one bit of a value on demand, for good", async () => {
    const disk = new SimDisk({ random: seededRandom("flip") });
    await disk.append([record("synced", "value"), record("other", "value")], true);
    await disk.append([record("unsynced", "value"), { key: "empty", value: new Uint8Array(0) }], false);
    expect(disk.flipBit("synced")).toBe(true);
    expect(disk.flipBit("unsynced")).toBe(true);
    expect(disk.flipBit("empty")).toBe(false);
    expect(disk.flipBit("missing")).toBe(false);
    expect(differingBits((await disk.read("synced")) ?? new Uint8Array(0), ascii("value"))).toBe(1);
    await disk.append([], true);
    disk.crash();
    const next = disk.reopen();
    for (const [key, bits] of Object.entries({ synced: 1, unsynced: 1, other: 0 })) {
      expect(differingBits((await next.read(key)) ?? new Uint8Array(0), ascii("value")), key).toBe(bits);
    }
  });

  test("knows how much is on it, whatever was written, taken away, damaged or lost", async () => {
    for (let seed = 0; seed < 20; seed++) {
      let disk = new SimDisk({ random: seededRandom(`bytes ${seed}`), cut: "tear" });
      const isCounted = () => {
        const bytes = [...disk.recordsNow].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
        expect(disk.bytesNow).toBe(bytes);
      };
      await disk.append([record("a", "12345"), record("b", "1")], true);
      await disk.append([record("a", "1"), record("c", "123")], false);
      await disk.remove(["b", "missing"], false);
      isCounted();
      disk.tear("c");
      isCounted();
      const image = disk.image();
      disk.crash();
      disk = disk.reopen();
      isCounted();
      disk.setBack(image);
      isCounted();
      expect(disk.bytesNow).toBe(8);
    }
  });

  test("is closed for whoever had it when the next process opens it", async () => {
    const first = new SimDisk({ random: seededRandom("handles") });
    const second = first.reopen();
    await expect(first.append([record("a")], true)).rejects.toThrow(DiskFailedError);
    await second.append([record("a")], true);
    expect(await keysOf(second)).toEqual(["a"]);
  });

  test("counts what was asked of it", async () => {
    const disk = new SimDisk({ random: seededRandom("counters") });
    await disk.append([record("a", "12345")], true);
    await disk.append([record("b", "123")], false);
    await disk.remove(["a"], false);
    await disk.read("b");
    await disk.scan("");
    expect(disk.counters).toEqual({
      writes: 3,
      syncs: 1,
      bytesWritten: 8,
      reads: 1,
      scans: 1,
      powerCuts: 0,
      batchesLost: 0,
    });
    disk.crash();
    expect(disk.counters.powerCuts).toBe(1);
    expect(disk.counters.batchesLost).toBeLessThanOrEqual(2);
  });
});

function differingBits(a: Uint8Array, b: Uint8Array): number {
  let bits = 0;
  for (const [at, byte] of a.entries()) bits += (byte ^ (b[at] ?? 0)).toString(2).replaceAll("0", "").length;
  return bits;
}

describe("a disk that is watched", () => {
  test("has done the next write when the power fails in that moment, and nobody is told", async () => {
    const before = new SimDisk({ random: seededRandom("watched") });
    before.atNextWrite(() => before.crash());
    let isTold = false;
    void before.append([record("a")], true).then(() => (isTold = true));
    await Promise.resolve();
    expect(isTold).toBe(false);
    const after = before.reopen();
    expect(await keysOf(after)).toEqual(["a"]);
    await after.append([record("b")], true);
    expect(await keysOf(after)).toEqual(["a", "b"]);
  });

  test("that tears a record keeps its beginning", async () => {
    const disk = new SimDisk({ random: seededRandom("torn") });
    await disk.append([record("a", "a long value")], true);
    expect(disk.tear("a")).toBe(true);
    expect(disk.tear("none")).toBe(false);
    const left = (await disk.read("a")) as Uint8Array;
    expect(left.length).toBeLessThan(12);
    expect(ascii("a long value").subarray(0, left.length)).toEqual(left);
  });
});
