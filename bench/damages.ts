import { createHash } from "node:crypto";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { toHex } from "../src/core/bytes.ts";
import type { DiskRecord } from "../src/core/ports/disk.ts";
import type { Random } from "../src/core/ports/random.ts";
import type { ChainHeader, Entry } from "../src/crdt/entry/entry.ts";
import { EntryStore } from "../src/crdt/store/entry-store.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { StoreDamagedError } from "../src/node/platform/store/errors.ts";
import { openLevelDisk } from "../src/node/platform/store/level-disk.ts";
import { openStore, type StoreOptions } from "../src/node/platform/store/open-store.ts";
import type { OpenedStore } from "../src/node/platform/store/opened-store.ts";
import { seededRandom } from "../sim/random.ts";

/** What can happen to the files of a store, and a store that it happens to. For the tests and for the benchmark. */

export const RECORDS = 6_000;
const keys = createKeys();

/** A store with several tables and a log that is not empty, as after weeks; all of its records. */
export async function makeStore(store: string): Promise<DiskRecord[]> {
  let disk = await openLevelDisk(store);
  let entryStore = new EntryStore(disk, keys);
  await entryStore.load();
  const entries = madeUpEntries(RECORDS);
  for (let at = 0; at < RECORDS; at += 20) {
    if (at === 3_600) {
      await disk.close();
      disk = await openLevelDisk(store);
      entryStore = new EntryStore(disk, keys);
      await entryStore.load();
    }
    await entryStore.write(entries.slice(at, at + 20).map((entry) => entryStore.chainRecord(entry)));
  }
  const written = await disk.scan("");
  await disk.close();
  return written;
}

function madeUpEntries(count: number): Entry<ChainHeader>[] {
  const random = seededRandom("template");
  return Array.from({ length: count }, (_, at) => ({
    id: toHex(random.bytes(32)),
    bytes: random.bytes(900),
    header: { log: new Uint8Array(32), class: 1, seq: at + 1 },
  })) as unknown as Entry<ChainHeader>[];
}

type Damage = (store: string, random: Random) => void;

const files = (store: string, pattern: RegExp) => readdirSync(store).filter((name) => pattern.test(name));
const some = (store: string, pattern: RegExp, at: number) => {
  const found = files(store, pattern);
  return join(store, found[at % found.length] ?? "none");
};
const sizeOf = (path: string) => statSync(path).size;

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

export const DAMAGES: Readonly<Record<string, Damage>> = {
  "a truncated log": (store, random) => {
    const log = some(store, /[.]log$/, 0);
    truncateSync(log, random.below(sizeOf(log)));
  },
  "flipped bytes in the log": (store, random) => {
    const log = some(store, /[.]log$/, 0);
    overwrite(log, random.below(sizeOf(log)), 1 + random.below(64));
  },
  "a missing log": (store) => rmSync(some(store, /[.]log$/, 0)),
  "flipped bytes in a table": (store, random) => {
    const table = some(store, /[.]ldb$/, random.below(100));
    overwrite(table, random.below(sizeOf(table)), 1 + random.below(64));
  },
  "a truncated table": (store, random) => {
    const table = some(store, /[.]ldb$/, random.below(100));
    truncateSync(table, random.below(sizeOf(table)));
  },
  "a missing table": (store, random) => rmSync(some(store, /[.]ldb$/, random.below(100))),
  "a cut MANIFEST": (store, random) => {
    const manifest = some(store, /^MANIFEST/, 0);
    truncateSync(manifest, random.below(sizeOf(manifest)));
  },
  "flipped bytes in the MANIFEST": (store, random) => {
    const manifest = some(store, /^MANIFEST/, 0);
    overwrite(manifest, random.below(sizeOf(manifest)), 1 + random.below(16));
  },
  "a deleted CURRENT": (store) => rmSync(join(store, "CURRENT")),
  "a CURRENT full of rubbish": (store, random) =>
    writeFileSync(
      join(store, "CURRENT"),
      Uint8Array.from({ length: 20 }, () => random.below(256)),
    ),
  "a deleted MANIFEST": (store) => rmSync(some(store, /^MANIFEST/, 0)),
  "an empty directory": (store) => {
    for (const name of readdirSync(store)) rmSync(join(store, name));
  },
  "no directory": (store) => rmSync(store, { recursive: true }),
};

/** As the agent does: opens, loads, and opens again with what it found. */
export async function start(store: string, options: StoreOptions): Promise<OpenedStore> {
  let opened = await openStore(store, options);
  let damage = await damageOf(store, opened);
  for (let healings = 0; damage !== null && healings < 2; healings++) {
    await opened.disk.close();
    opened = await openStore(store, { ...options, damage });
    damage = await damageOf(store, opened);
  }
  await opened.accept();
  return opened;
}

export async function damageOf(store: string, { disk }: OpenedStore): Promise<StoreDamagedError | null> {
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
export function digest(records: readonly DiskRecord[]): string {
  const hash = createHash("sha256");
  for (const { key, value } of records) hash.update(`${key}\n`).update(value);
  return `${records.length} records, ${hash.digest("hex").slice(0, 16)}`;
}
