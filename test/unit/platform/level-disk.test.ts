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
import { openLevelDisk } from "../../../src/node/platform/level-disk.ts";
import { diskContract } from "../../contracts/disk-contract.ts";

const LEVEL_DISK = join(import.meta.dirname, "../../../src/node/platform/level-disk.ts");

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

    const opening = openLevelDisk(store);
    await expect(opening).rejects.toThrow(DiskFailedError);
    await expect(opening).rejects.toMatchObject({
      facts: { hint: expect.stringContaining(`remove ${store}.created`) as string },
    });
    expect(existsSync(store)).toBe(false);

    rmSync(`${store}.created`);
    const fresh = await openLevelDisk(store);
    expect(await fresh.scan("")).toEqual([]);
    await fresh.close();
  });

  test("without its CURRENT file is reported, and nothing in it is touched", async () => {
    await (await openLevelDisk(store)).close();
    rmSync(join(store, "CURRENT"));
    const before = readdirSync(store);
    await expect(openLevelDisk(store)).rejects.toThrow(/CURRENT/);
    expect(readdirSync(store)).toEqual(before);
  });

  test("that is damaged is reported with its path and what to do", async () => {
    const disk = await openLevelDisk(store);
    await disk.append([{ key: "a", value: ascii("precious") }], true);
    await disk.close();
    const manifest = readdirSync(store).find((name) => name.startsWith("MANIFEST"));
    truncateSync(join(store, manifest ?? ""), 0);
    const opening = openLevelDisk(store);
    await expect(opening).rejects.toThrow(DiskFailedError);
    await expect(opening).rejects.toMatchObject({
      facts: { hint: expect.stringContaining(`move it and ${store}.created aside`) as string },
    });
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

/** A mount that only the child sees; for users other than root in a namespace of their own. */
const NAMESPACE = process.getuid?.() === 0 ? ["--mount"] : ["--mount", "--map-root-user"];
