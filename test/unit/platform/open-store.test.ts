import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DAMAGES, damageOf, digest, makeStore, RECORDS, start } from "../../../bench/damages.ts";
import { seededRandom } from "../../../sim/random.ts";
import type { DiskRecord } from "../../../src/core/ports/disk.ts";
import { EntryStore } from "../../../src/crdt/store/entry-store.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";
import { openStore } from "../../../src/node/platform/store/open-store.ts";

/** `npm run bench -- --only store` tries twenty. */
const POSITIONS = 4;
const keys = createKeys();

/** A store with several tables and a log that is not empty, as after weeks; made once and copied. */
let template: string;
let written: DiskRecord[];
let home: string;
let store: string;

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), "lab-template-"));
  written = await makeStore(join(template, "store"));
});
afterAll(() => rmSync(template, { recursive: true }));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lab-store-"));
  store = join(home, "store");
  cpSync(template, home, { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const options = (snapshot: readonly DiskRecord[] = []) => ({
  now: () => new Date("2026-11-21T10:00:00Z"),
  monotonicMs: () => performance.now(),
  snapshot: async () => snapshot,
});

describe("a damaged store", () => {
  test.each(Object.keys(DAMAGES))(
    "opens in spite of %s, loses nothing that a snapshot has, and tells",
    async (name) => {
      for (let position = 0; position < POSITIONS; position++) {
        rmSync(home, { recursive: true, force: true });
        cpSync(template, home, { recursive: true });
        DAMAGES[name]?.(store, seededRandom(`${name} ${position}`));
        const opened = await start(store, options(written));
        expect(await damageOf(store, opened), `${name}, position ${position}`).toBeNull();
        // Of records that are replaced, such as the count, an older version may be what was readable.
        const entries = written.filter(({ key }) => key.startsWith("c/"));
        expect(digest(await opened.disk.scan("c/")), `${name}, position ${position}`).toBe(digest(entries));
        await opened.disk.append([{ key: "z", value: new Uint8Array(1) }], true);
        await opened.told();
        await opened.disk.close();

        const after = await openStore(store, options());
        expect(after.health()).toEqual({ state: "sound" });
        expect((await after.disk.scan("")).length).toBe(written.length + 1);
        await after.disk.close();
      }
    },
  );

  test.each(Object.keys(DAMAGES))(
    "after %s and without a snapshot gives what is readable, and lists no loss twice",
    async (name) => {
      DAMAGES[name]?.(store, seededRandom(name));
      const opened = await start(store, options());
      const entryStore = new EntryStore(opened.disk, keys);
      const { damaged } = await entryStore.load();
      // What is not complete says so.
      const kept = (await opened.disk.scan("c/")).length - damaged.length;
      if (kept < RECORDS) expect(opened.health().state).toBe("healed");
      await entryStore.acceptLoss(damaged);
      await opened.told();
      await opened.disk.close();

      const after = await openStore(store, options());
      expect(after.health()).toEqual({ state: "sound" });
      expect(await damageOf(store, after)).toBeNull();
      await after.disk.close();
    },
  );

  test("lies untouched beside the new one, and only the last three are kept", async () => {
    for (let time = 0; time < 5; time++) {
      rmSync(join(store, "CURRENT"));
      const now = () => new Date(Date.UTC(2026, 10, 21 + time));
      const { disk, health, accept, told } = await openStore(store, { ...options(), now });
      expect(health()).toMatchObject({ state: "healed", salvaged: written.length, restored: 0 });
      await accept();
      await told();
      await disk.close();
    }
    const kept = readdirSync(home).filter((name) => name.startsWith("store.damaged-"));
    expect(kept.sort().map((name) => name.slice(14, 24))).toEqual(["2026-11-23", "2026-11-24", "2026-11-25"]);
    expect(readdirSync(home).sort()).toEqual([...kept, "store", "store.healing", "store.tally"].sort());
  });

  test("whose healing was interrupted when the new one was whole is that one", async () => {
    const healed = `${store}.healed`;
    cpSync(store, healed, { recursive: true });
    rmSync(join(store, "CURRENT"));
    const { disk } = await openStore(store, options());
    expect(digest(await disk.scan(""))).toBe(digest(written));
    await disk.close();
    expect(existsSync(healed)).toBe(false);
  });

  test("whose healing was interrupted while the new one was written is healed by the next start", async () => {
    const fresh = await openLevelDisk(`${store}.fresh`);
    await fresh.append(written.slice(0, 100), true);
    await fresh.append(written.slice(100, 200), true);
    await fresh.close();
    rmSync(join(store, "CURRENT"));
    const { disk, health } = await openStore(store, options());
    expect(health()).toMatchObject({ state: "healed", salvaged: written.length });
    expect(digest(await disk.scan(""))).toBe(digest(written));
    await disk.close();
    expect(readdirSync(home).filter((name) => name.includes(".fresh"))).toEqual([]);
  });

  test("that another process has open is refused, not healed", async () => {
    const first = await openStore(store, options());
    await expect(openStore(store, options())).rejects.toMatchObject({ code: "HomeInUse" });
    await first.disk.append([{ key: "z", value: new Uint8Array(1) }], true);
    await first.accept();
    await first.disk.close();
    expect(readdirSync(home).sort()).toEqual(["store", "store.tally"]);
  });

  test("that could not be kept aside whole leaves no part that would be read in its place", async () => {
    const pipe = join(store, "pipe");
    execFileSync("mkfifo", [pipe]);
    const opened = await openStore(store, options());
    expect(opened.health().state).toBe("stand-in");
    await opened.disk.close();
    expect(readdirSync(home).filter((name) => name.startsWith("store.before"))).toEqual([]);
    rmSync(pipe);
    const after = await openStore(store, options());
    expect(after.health()).toEqual({ state: "sound" });
    expect(digest(await after.disk.scan(""))).toBe(digest(written));
    await after.disk.close();
  });

  test("with wrong permissions is opened and mended", async () => {
    chmodSync(join(store, "CURRENT"), 0o000);
    chmodSync(store, 0o500);
    const { disk, health } = await openStore(store, options());
    expect(health()).toEqual({ state: "mended" });
    expect(digest(await disk.scan(""))).toBe(digest(written));
    await disk.append([{ key: "z", value: new Uint8Array(1) }], true);
    await disk.close();
  });
});
