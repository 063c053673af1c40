import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import { clearLeftOver, leftOverBytes } from "../../../src/node/platform/store/left-over.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";
import { NAMESPACE } from "./namespace.ts";

const random = seededRandom("left over");
const VALUE = random.bytes(30_000);
const RECORDS = Array.from({ length: 160 }, (_, i) => ({
  // Long, so that an edit of the manifest, which has the first and the last of each table, is cut into blocks.
  key: `${String((i * 37) % 160).padStart(3, "0")}/${"long".repeat(3_000)}`,
  value: VALUE,
}));

describe("the tables that a compaction left", () => {
  let place: string;
  let written: string;
  let store: string;

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "lab-left-over-"));
    written = join(place, "written");
    for (let at = 0; at < RECORDS.length; at += 40) {
      const disk = await openLevelDisk(written);
      for (const record of RECORDS.slice(at, at + 40)) await disk.append([record], false);
      await disk.close();
    }
  });
  beforeEach(() => {
    store = join(place, "store");
    rmSync(store, { recursive: true, force: true });
    cpSync(written, store, { recursive: true });
  });
  afterAll(() => rmSync(place, { recursive: true }));

  const tables = () => readdirSync(store).filter((name) => name.endsWith(".ldb"));
  const manifest = () => join(store, readFileSync(join(store, "CURRENT"), "ascii").trim());

  function leave(name: string, bytes: number): string {
    const path = join(store, name);
    writeFileSync(path, random.bytes(bytes));
    return path;
  }

  test("go, and none that the store consists of", async () => {
    expect(statSync(manifest()).size, "bytes of the manifest").toBeGreaterThan(32 * 1024);
    const before = tables();
    expect(await leftOverBytes(store), "of a store that was closed").toBe(0);
    leave("900001.ldb", 1000);
    leave("900002.sst", 500);
    expect(await leftOverBytes(store)).toBe(1500);
    expect(await clearLeftOver(store)).toBe(2);
    expect(tables()).toEqual(before);
    const disk = await openLevelDisk(store);
    expect((await disk.scan("")).length).toBe(RECORDS.length);
    await disk.close();
  });

  test("stay where the manifest was altered, or names nothing", async () => {
    leave("900001.ldb", 1000);
    const bytes = readFileSync(manifest());
    for (let at = 0; at < bytes.length; at += 2_003) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      writeFileSync(manifest(), altered);
      expect(await leftOverBytes(store), `with byte ${at} altered`).toBe(0);
    }
    writeFileSync(manifest(), bytes.subarray(0, 0));
    expect(await clearLeftOver(store)).toBe(0);
  });

  test("stay where a table of the store is gone or is not as long as it was", async () => {
    leave("900001.ldb", 1000);
    const [own = ""] = tables();
    appendFileSync(join(store, own), "x");
    expect(await leftOverBytes(store)).toBe(0);
    rmSync(join(store, own));
    expect(await clearLeftOver(store)).toBe(0);
    expect(tables()).toContain("900001.ldb");
  });

  test("stay where they are newer than the look at the store, and go with what a start kept of them", async () => {
    const [older, newer] = [leave("900001.ldb", 1000), leave("900002.ldb", 1000)];
    const aside = join(place, "aside");
    mkdirSync(aside);
    linkSync(older, join(aside, "900001.ldb"));
    linkSync(newer, join(aside, "900002.ldb"));
    utimesSync(older, 1000, 1000);
    utimesSync(newer, 3000, 3000);
    expect(await clearLeftOver(store, { aside, before: new Date(2_000_000) })).toBe(1);
    expect(tables()).toContain("900002.ldb");
    expect(readdirSync(aside)).toEqual(["900002.ldb"]);
  });

  test("make the room that a start takes, and the next write, on a disk that they fill", (context) => {
    const home = join(place, "home");
    mkdirSync(home);
    const probe = spawnSync("unshare", [...NAMESPACE, "mount", "-t", "tmpfs", "none", home]);
    if (probe.status !== 0) context.skip(`a small disk cannot be mounted here: ${String(probe.error ?? probe.stderr)}`);
    const script = join(import.meta.dirname, "filled-by-leavings.ts");
    const run = `mount -t tmpfs -o size=40m none "$1" && exec "$2" "$3" "$1"`;
    const child = spawnSync("unshare", [...NAMESPACE, "sh", "-c", run, "sh", home, process.execPath, script]);
    expect(child.stderr.toString()).toBe("");
    expect(JSON.parse(child.stdout.toString())).toEqual({
      started: { state: "sound" },
      lost: 0,
      whenFull: "DiskFull",
      afterwards: "written",
    });
  });
});
