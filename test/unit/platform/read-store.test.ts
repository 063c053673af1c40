import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ascii } from "../../../src/core/bytes.ts";
import type { DiskRecord } from "../../../src/core/ports/disk.ts";
import { describeHealth } from "../../../src/node/platform/store/health.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";
import { readStore } from "../../../src/node/platform/store/read-store.ts";

const RECORDS: readonly DiskRecord[] = Array.from({ length: 400 }, (_, i) => ({
  key: `k/${String(i).padStart(4, "0")}`,
  value: ascii(`value ${i}`),
}));

let home: string;
let store: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "lab-read-"));
  store = join(home, "store");
  const disk = await openLevelDisk(store);
  for (let at = 0; at < RECORDS.length; at += 20) await disk.append(RECORDS.slice(at, at + 20), true);
  await disk.close();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const noSnapshot = { snapshot: async (): Promise<readonly DiskRecord[]> => [] };

/** Every file below the home, as it is. */
function files(): Record<string, string> {
  const names = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}

describe("a store that is only read", () => {
  test("gives every record, takes none, and is the same afterwards, byte for byte", async () => {
    const before = files();
    const { disk, health } = await readStore(store, noSnapshot);
    expect(health()).toEqual({ state: "sound" });
    expect(await disk.scan("")).toEqual(RECORDS);
    await expect(disk.append([{ key: "z", value: ascii("new") }], true)).rejects.toThrow("only read here");
    await disk.close();
    expect(files()).toEqual(before);
  });

  test("is read while a process has it open", async () => {
    const agent = await openLevelDisk(store);
    const { disk } = await readStore(store, noSnapshot);
    expect(await disk.scan("")).toEqual(RECORDS);
    await agent.close();
  });

  test.each(["deleted CURRENT", "cut MANIFEST", "cut log"])(
    "with a %s gives what is left and what a snapshot has, says so, and is not mended",
    async (damage) => {
      const [manifest, log] = [/^MANIFEST/, /[.]log$/].map((name) =>
        readdirSync(store).find((each) => name.test(each)),
      );
      if (damage === "deleted CURRENT") rmSync(join(store, "CURRENT"));
      if (damage === "cut MANIFEST") truncateSync(join(store, manifest ?? ""), 9);
      if (damage === "cut log") truncateSync(join(store, log ?? ""), 4_000);
      const before = files();
      const { disk, health } = await readStore(store, { snapshot: async () => RECORDS });
      expect(await disk.scan("")).toEqual(RECORDS);
      expect(health().state).toBe("damaged");
      expect(describeHealth(health())).toMatch(/^the store is damaged .*the agent mends it when it starts/);
      expect(files()).toEqual(before);
      const alone = await readStore(store, noSnapshot);
      expect(alone.health().state).toBe("damaged");
      expect((await alone.disk.scan("")).length).toBeGreaterThan(damage === "cut log" ? 10 : 399);
    },
  );

  test("that is gone, with or without its tally, is no empty one: it has what a snapshot has", async () => {
    cpSync(`${store}.tally`, join(home, "gone.tally"));
    for (const name of ["none", "gone"]) {
      const { disk, health } = await readStore(join(home, name), { snapshot: async () => RECORDS });
      expect(health()).toMatchObject({ state: "damaged", salvaged: 0, restored: RECORDS.length });
      expect(await disk.scan("")).toEqual(RECORDS);
    }
  });

  test("of a later release gives what this one understands of it, says so, and is the same afterwards", async () => {
    writeFileSync(join(store, "FORMAT"), "2\n");
    const before = files();
    const { disk, health } = await readStore(store, noSnapshot);
    expect(await disk.scan("")).toEqual(RECORDS);
    expect(describeHealth(health())).toMatch(/a later release wrote it, in format 2, and this one knows 1/);
    expect(files()).toEqual(before);
  });
});
