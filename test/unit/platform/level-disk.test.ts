import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import { DiskFailedError } from "../../../src/core/ports/disk.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";
import { StoreDamagedError } from "../../../src/node/platform/store/errors.ts";
import { diskContract } from "../../contracts/disk-contract.ts";
import { NAMESPACE } from "./namespace.ts";

const LEVEL_DISK = join(import.meta.dirname, "../../../src/node/platform/store/level-disk.ts");

diskContract("LevelDB", async () => {
  const home = mkdtempSync(join(tmpdir(), "lab-disk-"));
  let disk = await openLevelDisk(join(home, "store"));
  return {
    disk,
    async reopen() {
      await disk.close();
      disk = await openLevelDisk(join(home, "store"));
      return disk;
    },
    async discard() {
      await disk.close();
      rmSync(home, { recursive: true });
    },
  };
});

describe("a store in LevelDB files", () => {
  let home: string;
  let store: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "lab-disk-"));
    store = join(home, "state", "store");
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test("is for its owner alone", async () => {
    await (await openLevelDisk(store)).close();
    expect(statSync(store).mode & 0o777).toBe(0o700);
  });

  test("that is open already is refused as in use, with the way out", async () => {
    const disk = await openLevelDisk(store);
    const second = openLevelDisk(store);
    await expect(second).rejects.toMatchObject({ code: "HomeInUse", message: expect.stringContaining(store) });
    await expect(second).rejects.toMatchObject({ facts: { hint: expect.stringContaining("--home") } });
    await disk.append([{ key: "a", value: ascii("still works") }], true);
    await disk.close();
  });

  test("that another process has open is refused as in use, and free when that one is killed", async () => {
    const script = `import { openLevelDisk } from ${JSON.stringify(LEVEL_DISK)};
      const disk = await openLevelDisk(${JSON.stringify(store)});
      await disk.append([{ key: "a", value: new Uint8Array([1]) }], true);
      process.stdout.write("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      await expect(openLevelDisk(store)).rejects.toMatchObject({ code: "HomeInUse" });
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    const disk = await openLevelDisk(store);
    expect(await disk.read("a")).toEqual(new Uint8Array([1]));
    await disk.close();
  });

  test("that was never made is not made by a reader, which leaves no trace", async () => {
    await expect(openLevelDisk(store, { missing: "refuse" })).rejects.toThrow(/there is no store in .*store/);
    expect(readdirSync(home)).toEqual([]);
    await (await openLevelDisk(store)).close();
    await (await openLevelDisk(store, { missing: "refuse" })).close();
  });

  test("that was lost is reported, not begun anew", async () => {
    const disk = await openLevelDisk(store);
    await disk.append([{ key: "a", value: ascii("precious") }], true);
    await disk.close();
    rmSync(store, { recursive: true });

    await expect(openLevelDisk(store)).rejects.toThrow(StoreDamagedError);
    expect(existsSync(store)).toBe(false);
  });

  test("that lost its newest table with the manifest's end is reported as damaged, by the count of what is gone", async () => {
    const disk = await openLevelDisk(store);
    for (let at = 0; at < 12; at++) await disk.append([{ key: `a/${at}`, value: new Uint8Array(1024 * 1024) }], true);
    await disk.close();
    await (await openLevelDisk(store)).close();
    const manifest = join(store, readdirSync(store).find((name) => name.startsWith("MANIFEST")) ?? "");
    const log = join(store, readdirSync(store).find((name) => name.endsWith(".log")) ?? "");
    // The end of both is what names the newest records.
    truncateSync(log, 0);
    truncateSync(manifest, Math.floor(statSync(manifest).size / 2));
    await expect(openLevelDisk(store)).rejects.toThrow(StoreDamagedError);
  });

  test("without its CURRENT file is reported, and nothing in it is touched", async () => {
    await (await openLevelDisk(store)).close();
    rmSync(join(store, "CURRENT"));
    const before = readdirSync(store);
    await expect(openLevelDisk(store)).rejects.toThrow(/CURRENT/);
    expect(readdirSync(store)).toEqual(before);
  });

  test("that is damaged is reported with its path", async () => {
    const disk = await openLevelDisk(store);
    await disk.append([{ key: "a", value: ascii("precious") }], true);
    await disk.close();
    const manifest = readdirSync(store).find((name) => name.startsWith("MANIFEST"));
    truncateSync(join(store, manifest ?? ""), 0);
    const opening = openLevelDisk(store);
    await expect(opening).rejects.toThrow(StoreDamagedError);
    await expect(opening).rejects.toThrow(store);
  });

  test("cannot be where a file is", async () => {
    writeFileSync(join(home, "file"), "");
    const opening = openLevelDisk(join(home, "file", "store"));
    await expect(opening).rejects.toThrow(DiskFailedError);
    await expect(opening).rejects.toThrow(join(home, "file"));
  });

  test("in a directory that this user may not write is reported with the path", async (context) => {
    if (process.getuid?.() === 0) context.skip("root ignores permissions; run as another user to see this test");
    await (await openLevelDisk(store)).close();
    chmodSync(store, 0o500);
    const opening = openLevelDisk(store);
    await expect(opening).rejects.toThrow(DiskFailedError);
    await expect(opening).rejects.toThrow(store);
    chmodSync(store, 0o700);
  });

  test("on a full disk says so, still reads, and loses nothing that it acknowledged afterwards", (context) => {
    const probe = spawnSync("unshare", [...NAMESPACE, "mount", "-t", "tmpfs", "none", home]);
    if (probe.status !== 0) context.skip(`a small disk cannot be mounted here: ${String(probe.error ?? probe.stderr)}`);
    const script = join(import.meta.dirname, "full-disk.ts");
    const run = `mount -t tmpfs -o size=20m none "$1" && exec "$2" "$3" "$1"`;
    const child = spawnSync("unshare", [...NAMESPACE, "sh", "-c", run, "sh", home, process.execPath, script]);
    expect(child.stderr.toString()).toBe("");
    expect(JSON.parse(child.stdout.toString())).toEqual({
      whenFull: "DiskFull",
      readWhenFull: "readable",
      stillFull: "DiskFull",
      lostAfterwards: [],
    });
  });
});
