import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ascii } from "../../src/core/bytes.ts";
import { type Disk, DiskFailedError } from "../../src/core/ports/disk.ts";

export interface DiskUnderTest {
  readonly disk: Disk;
  /** Closes the disk in order, if it is open, and opens what it held. */
  reopen(): Promise<Disk>;
  discard(): Promise<void>;
}

/** What every Disk does. `setup` gives an empty one. */
export function diskContract(name: string, setup: () => Promise<DiskUnderTest>): void {
  describe(`${name} as a disk`, () => {
    let subject: DiskUnderTest;
    let disk: Disk;
    beforeEach(async () => {
      subject = await setup();
      disk = subject.disk;
    });
    afterEach(() => subject.discard());

    const put = (...keys: string[]) =>
      disk.append(
        keys.map((key) => ({ key, value: new TextEncoder().encode(`value of ${key}`) })),
        false,
      );
    const keysUnder = async (prefix: string) => (await disk.scan(prefix)).map((record) => record.key);

    test("gives back what was written", async () => {
      await put("nas-1");
      expect(await disk.read("nas-1")).toEqual(ascii("value of nas-1"));
    });

    test("has nothing under a key that was never written", async () => {
      await put("nas-1");
      expect(await disk.read("nas-2")).toBeUndefined();
      expect(await disk.read("nas")).toBeUndefined();
    });

    test("writes all records of a batch, the last one of a key winning", async () => {
      await disk.append(
        [
          { key: "a", value: ascii("first") },
          { key: "b", value: ascii("other") },
          { key: "a", value: ascii("second") },
        ],
        true,
      );
      expect(await disk.scan("")).toEqual([
        { key: "a", value: ascii("second") },
        { key: "b", value: ascii("other") },
      ]);
    });

    test("replaces a value whole", async () => {
      await disk.append([{ key: "a", value: ascii("a long value") }], true);
      await disk.append([{ key: "a", value: ascii("short") }], true);
      expect(await disk.read("a")).toEqual(ascii("short"));
    });

    test("takes an empty batch", async () => {
      await disk.append([], true);
      await disk.remove([], true);
      expect(await disk.scan("")).toEqual([]);
    });

    test("scans in ascending order of keys, whatever the order of writing", async () => {
      await put("b", "a/2", "a", "c", "a/10", "a/1");
      expect(await keysUnder("")).toEqual(["a", "a/1", "a/10", "a/2", "b", "c"]);
    });

    test("orders keys by UTF-16 code units, as JavaScript does", async () => {
      const keys = ["z", "é", "\uffee", "\u{1f5a5}"];
      await put(...keys);
      expect(await keysUnder("")).toEqual([...keys].sort());
    });

    test("scans only keys that begin with the prefix", async () => {
      await put("a", "a/1", "ab", "b", "b/1", "A");
      expect(await keysUnder("a")).toEqual(["a", "a/1", "ab"]);
      expect(await keysUnder("a/")).toEqual(["a/1"]);
      expect(await keysUnder("b")).toEqual(["b", "b/1"]);
      expect(await keysUnder("c")).toEqual([]);
    });

    test("scans from a key on, and counts without reading", async () => {
      await disk.append(
        ["a/1", "a/2", "a/3", "b/1"].map((key) => ({ key, value: new Uint8Array(1) })),
        true,
      );
      expect((await disk.scan("a/", { after: "a/1" })).map(({ key }) => key)).toEqual(["a/2", "a/3"]);
      expect((await disk.scan("a/", { after: "a/2x" })).map(({ key }) => key)).toEqual(["a/3"]);
      expect((await disk.scan("", { after: "a/3" })).map(({ key }) => key)).toEqual(["b/1"]);
      expect((await disk.scan("a/", { after: "a/1", before: "a/3" })).map(({ key }) => key)).toEqual(["a/2"]);
      expect(await disk.count("a/")).toBe(3);
      expect(await disk.count("")).toBe(4);
      expect(await disk.count("c")).toBe(0);
    });

    test("scans a prefix that ends in the last letter of Unicode's blocks", async () => {
      await put("\u007f", "\u007fx", "\u0080", "\u{10ffff}", "\u{10ffff}x");
      expect(await keysUnder("\u007f")).toEqual(["\u007f", "\u007fx"]);
      expect(await keysUnder("\u{10ffff}")).toEqual(["\u{10ffff}", "\u{10ffff}x"]);
    });

    test("removes keys, and a missing one is no error", async () => {
      await put("a", "b", "c");
      await disk.remove(["a", "never-there", "c"], true);
      expect(await keysUnder("")).toEqual(["b"]);
      expect(await disk.read("a")).toBeUndefined();
    });

    test("keeps an empty value apart from no value", async () => {
      await disk.append([{ key: "empty", value: new Uint8Array(0) }], true);
      expect(await disk.read("empty")).toEqual(new Uint8Array(0));
      expect(await disk.scan("")).toEqual([{ key: "empty", value: new Uint8Array(0) }]);
    });

    test("keeps a value of one MiB", async () => {
      const value = Uint8Array.from({ length: 1024 * 1024 }, (_, at) => at % 251);
      await disk.append([{ key: "large", value }], true);
      disk = await subject.reopen();
      expect(Buffer.compare((await disk.read("large")) ?? Buffer.alloc(0), value)).toBe(0);
    });

    test("scans ten thousand records", async () => {
      const keys = Array.from({ length: 10_000 }, (_, at) => `record/${String(at).padStart(5, "0")}`);
      await put(...keys);
      expect(await keysUnder("record/")).toEqual(keys);
    });

    test("still has after a restart what was synced, and what was removed stays removed", async () => {
      await put("a", "b");
      await disk.append([{ key: "c", value: ascii("c") }], true);
      await disk.remove(["b"], true);
      disk = await subject.reopen();
      expect(await keysUnder("")).toEqual(["a", "c"]);
    });

    test("keeps the order of writes that nobody waited for", async () => {
      const texts = Array.from({ length: 50 }, (_, at) => `write ${at}`);
      const writes = texts.map((text, at) => disk.append([{ key: "a", value: ascii(text) }], at % 7 === 0));
      await Promise.all(writes);
      expect(await disk.read("a")).toEqual(ascii("write 49"));
    });

    test("does not follow changes that the caller makes to the bytes afterwards", async () => {
      const value = ascii("as it was");
      const written = [disk.append([{ key: "a", value }], false), disk.append([{ key: "b", value }], false)];
      value.fill(0);
      await Promise.all(written);
      expect(await disk.read("b")).toEqual(ascii("as it was"));

      (await disk.read("b"))?.fill(0);
      for (const record of await disk.scan("")) record.value.fill(0);
      expect(await disk.read("b")).toEqual(ascii("as it was"));
    });

    test("gives plain byte arrays", async () => {
      await put("a");
      expect(Object.getPrototypeOf(await disk.read("a"))).toBe(Uint8Array.prototype);
      expect(Object.getPrototypeOf((await disk.scan("a"))[0]?.value)).toBe(Uint8Array.prototype);
    });

    test("fails clearly once it is closed, and closing twice is harmless", async () => {
      await put("a");
      await disk.close();
      await disk.close();
      await expect(put("b")).rejects.toThrow(DiskFailedError);
      await expect(disk.read("a")).rejects.toThrow(DiskFailedError);
      await expect(disk.scan("a")).rejects.toThrow(DiskFailedError);
      await expect(disk.remove(["a"], false)).rejects.toThrow(DiskFailedError);
    });

    test("finishes what was being written when it is closed", async () => {
      const writes = [put("a"), put("b"), put("c")];
      disk = await subject.reopen();
      await Promise.all(writes);
      expect(await keysUnder("")).toEqual(["a", "b", "c"]);
    });
  });
}
