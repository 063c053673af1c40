import { describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { type Disk, DiskFullError } from "../../../src/core/ports/disk.ts";
import { StandInDisk } from "../../../src/node/platform/store/stand-in-disk.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";

function standIn(inTheStore = "kept") {
  let nowMs = 0;
  const store = new SimDisk({ random: seededRandom("stand-in") });
  const attempts: number[] = [];
  const disk = new StandInDisk({
    records: [{ key: "a", value: ascii("kept") }],
    refusal: new DiskFullError(),
    monotonicMs: () => nowMs,
    open: async (): Promise<Disk> => {
      attempts.push(nowMs);
      if (nowMs < 30_000) throw new DiskFullError();
      await store.append([{ key: "a", value: ascii(inTheStore) }], true);
      return store;
    },
  });
  return { disk, store, attempts, wait: (ms: number) => (nowMs += ms) };
}

describe("a disk that stands in for a store that cannot be opened", () => {
  test("answers reads, and acknowledges no write", async () => {
    const { disk } = standIn();
    expect(await disk.read("a")).toEqual(ascii("kept"));
    expect(await disk.scan("")).toEqual([{ key: "a", value: ascii("kept") }]);
    await expect(disk.append([{ key: "b", value: ascii("new") }], true)).rejects.toThrow(DiskFullError);
    await expect(disk.remove(["a"], true)).rejects.toThrow(DiskFullError);
    expect(await disk.read("b")).toBeUndefined();
    expect(await disk.read("a")).toEqual(ascii("kept"));
  });

  test("tries the store again only every ten seconds, however much is written", async () => {
    const { disk, attempts, wait } = standIn();
    for (let write = 0; write < 50; write++) {
      wait(500);
      await disk.append([], true).catch(() => undefined);
    }
    expect(attempts).toEqual([10_000, 20_000]);
  });

  test("steps back once the store can be opened: that write and all others go there", async () => {
    const { disk, store, wait } = standIn();
    wait(31_000);
    const writes = ["b", "c"].map((key) => disk.append([{ key, value: ascii(key) }], true));
    await Promise.all(writes);
    expect(disk.standsIn).toBe(false);
    expect((await store.scan("")).map(({ key }) => key)).toEqual(["a", "b", "c"]);
    expect(await disk.read("c")).toEqual(ascii("c"));
  });

  test("does not step back for a store that has other records: what was read from this one is not its state", async () => {
    const { disk, wait } = standIn("more than could be read");
    wait(31_000);
    const writing = disk.append([{ key: "b", value: ascii("b") }], true);
    await expect(writing).rejects.toMatchObject({ facts: { hint: "lab agent stop; lab agent --detach" } });
    expect(disk.standsIn).toBe(true);
    expect(await disk.read("a")).toEqual(ascii("kept"));
  });
});
