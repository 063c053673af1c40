import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DiskRecord } from "../../../src/core/ports/disk.ts";
import { toHex } from "../../../src/core/bytes.ts";
import type { ChainHeader, Entry } from "../../../src/crdt/entry/entry.ts";
import { EntryStore } from "../../../src/crdt/store/entry-store.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";
import { StoreDamagedError } from "../../../src/node/platform/store/errors.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";
import { openStore, type OpenedStore } from "../../../src/node/platform/store/open-store.ts";
import { seededRandom } from "../../../sim/random.ts";

const RECORDS = 6_000;
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
  let disk = await openLevelDisk(join(template, "store"));
  let entryStore = new EntryStore(disk, keys);
  await entryStore.load();
  const entries = madeUpEntries(RECORDS);
  for (let at = 0; at < RECORDS; at += 20) {
    if (at === 3_600) {
      await disk.close();
      disk = await openLevelDisk(join(template, "store"));
      entryStore = new EntryStore(disk, keys);
      await entryStore.load();
    }
    await entryStore.write(entries.slice(at, at + 20).map((entry) => entryStore.chainRecord(entry)));
  }
  written = await disk.scan("");
  await disk.close();
});
afterAll(() => rmSync(template, { recursive: true }));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lab-store-"));
  store = join(home, "store");
  cpSync(template, home, { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function madeUpEntries(count: number): Entry<ChainHeader>[] {
  const random = seededRandom("template");
  return Array.from({ length: count }, (_, at) => ({
    id: toHex(random.bytes(32)),
    bytes: random.bytes(900),
    header: { log: new Uint8Array(32), class: 1, seq: at + 1 },
  })) as unknown as Entry<ChainHeader>[];
}

const options = (snapshot: readonly DiskRecord[] = []) => ({
  now: () => new Date("2026-11-21T10:00:00Z"),
  monotonicMs: () => performance.now(),
  snapshot: async () => snapshot,
});

const files = (pattern: RegExp) => readdirSync(store).filter((name) => pattern.test(name));
const some = (pattern: RegExp, at: number) => {
  const found = files(pattern);
  return join(store, found[at % found.length] ?? "none");
};
const sizeOf = (path: string) => statSync(path).size;

/** As the agent does: opens, loads, and opens again with what it found. */
async function start(snapshot: readonly DiskRecord[]): Promise<OpenedStore> {
  const opened = await openStore(store, options(snapshot));
  const damage = await damageOf(opened);
  if (damage === null) return opened;
  await opened.disk.close();
  return openStore(store, { ...options(snapshot), damage });
}

async function damageOf({ disk }: OpenedStore): Promise<StoreDamagedError | null> {
  try {
    const { missing, damaged } = await new EntryStore(disk, keys).load();
    if (missing + damaged.length === 0) return null;
    return new StoreDamagedError(store, `${missing} gone`, { altered: damaged });
  } catch (damage) {
    if (damage instanceof StoreDamagedError) return damage;
    throw damage;
  }
}

/** Thousands of records are compared by it: a difference of theirs could not be read anyway. */
function digest(records: readonly DiskRecord[]): string {
  const hash = createHash("sha256");
  for (const { key, value } of records) hash.update(`${key}\n`).update(value);
  return `${records.length} records, ${hash.digest("hex").slice(0, 16)}`;
}

function overwrite(path: string, at: number, length: number): void {
  const file = openSync(path, "r+");
  const bytes = readFileSync(path).subarray(at, at + length);
  writeSync(
    file,
    bytes.map((byte) => byte ^ 0xff),
    0,
    bytes.length,
    at,
  );
  closeSync(file);
}

const DAMAGES: Readonly<Record<string, (random: ReturnType<typeof seededRandom>) => void>> = {
  "a truncated log": (random) => {
    const log = some(/[.]log$/, 0);
    truncateSync(log, random.below(sizeOf(log)));
  },
  "flipped bytes in the log": (random) => {
    const log = some(/[.]log$/, 0);
    overwrite(log, random.below(sizeOf(log)), 1 + random.below(64));
  },
  "a missing log": () => rmSync(some(/[.]log$/, 0)),
  "flipped bytes in a table": (random) => {
    const table = some(/[.]ldb$/, random.below(100));
    overwrite(table, random.below(sizeOf(table)), 1 + random.below(64));
  },
  "a truncated table": (random) => {
    const table = some(/[.]ldb$/, random.below(100));
    truncateSync(table, random.below(sizeOf(table)));
  },
  "a missing table": (random) => rmSync(some(/[.]ldb$/, random.below(100))),
  "a cut MANIFEST": (random) => {
    const manifest = some(/^MANIFEST/, 0);
    truncateSync(manifest, random.below(sizeOf(manifest)));
  },
  "flipped bytes in the MANIFEST": (random) => {
    const manifest = some(/^MANIFEST/, 0);
    overwrite(manifest, random.below(sizeOf(manifest)), 1 + random.below(16));
  },
  "a deleted CURRENT": () => rmSync(join(store, "CURRENT")),
  "a CURRENT full of rubbish": (random) =>
    writeFileSync(
      join(store, "CURRENT"),
      Uint8Array.from({ length: 20 }, () => random.below(256)),
    ),
  "a deleted MANIFEST": () => rmSync(some(/^MANIFEST/, 0)),
  "an empty directory": () => {
    for (const name of readdirSync(store)) rmSync(join(store, name));
  },
  "no directory": () => rmSync(store, { recursive: true }),
};

describe("a damaged store", () => {
  test.each(Object.keys(DAMAGES))(
    "opens in spite of %s, loses nothing that a snapshot has, and tells",
    async (name) => {
      for (let position = 0; position < POSITIONS; position++) {
        rmSync(home, { recursive: true, force: true });
        cpSync(template, home, { recursive: true });
        DAMAGES[name]?.(seededRandom(`${name} ${position}`));
        const opened = await start(written);
        expect(await damageOf(opened), `${name}, position ${position}`).toBeNull();
        // Of records that are replaced, such as the count, an older version may be what was readable.
        const entries = written.filter(({ key }) => key.startsWith("c/"));
        expect(digest(await opened.disk.scan("c/")), `${name}, position ${position}`).toBe(digest(entries));
        await opened.disk.append([{ key: "z", value: new Uint8Array(1) }], true);
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
      DAMAGES[name]?.(seededRandom(name));
      const opened = await start([]);
      const entryStore = new EntryStore(opened.disk, keys);
      const { damaged } = await entryStore.load();
      // What is not complete says so.
      const kept = (await opened.disk.scan("c/")).length - damaged.length;
      if (kept < RECORDS) expect(opened.health().state).toBe("healed");
      await entryStore.acceptLoss(damaged);
      await opened.disk.close();

      const after = await openStore(store, options());
      expect(after.health()).toEqual({ state: "sound" });
      expect(await damageOf(after)).toBeNull();
      await after.disk.close();
    },
  );

  test("lies untouched beside the new one, and only the last three are kept", async () => {
    for (let time = 0; time < 5; time++) {
      rmSync(join(store, "CURRENT"));
      const now = () => new Date(Date.UTC(2026, 10, 21 + time));
      const { disk, health } = await openStore(store, { ...options(), now });
      expect(health()).toMatchObject({ state: "healed", salvaged: written.length, restored: 0 });
      await disk.close();
    }
    const kept = readdirSync(home).filter((name) => name.startsWith("store.damaged-"));
    expect(kept.sort().map((name) => name.slice(14, 24))).toEqual(["2026-11-23", "2026-11-24", "2026-11-25"]);
    expect(readdirSync(home).sort()).toEqual([...kept, "store", "store.tally"].sort());
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
    await first.disk.close();
    expect(readdirSync(home).sort()).toEqual(["store", "store.tally"]);
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
