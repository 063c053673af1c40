import type { Disk } from "../../src/core/ports/disk.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { EntryStore } from "../../src/crdt/store/entry-store.ts";
import { batchAt, batchOf } from "./batches.ts";

/*
 * node writer.ts DIRECTORY RUN synced|unsynced: writes batches to a store until the disk fails, and prints the number
 * of each when it was acknowledged. Beside them others write, too, as roles do: their writes share a sync.
 */

const [directory = "", run = "", how] = process.argv.slice(2);
const disk = await openLevelDisk(directory);
const early: Disk = {
  // It acknowledges what is in no file yet, which must not be: shows that a cut would be noticed.
  append: (batch) => disk.append(batch, false),
  read: (key) => disk.read(key),
  scan: (prefix) => disk.scan(prefix),
  count: (prefix) => disk.count(prefix),
  remove: (keys) => disk.remove(keys, false),
  close: () => disk.close(),
};
const store = new EntryStore(how === "synced" ? disk : early, createKeys());
const { others: records } = await store.load();
const begun = records.reduce((last, { key }) => Math.max(last, batchAt(key)), 0);

process.stdout.write(`begun ${begun}\n`);
void beside();
for (let n = begun + 1; ; n++) {
  await store.write(batchOf(run, n).map((entry) => store.chainRecord(entry)));
  process.stdout.write(`${n}\n`);
}

async function beside(): Promise<never> {
  for (let i = 0; ; i++) {
    const record = { key: `role/${i % 50}`, value: new Uint8Array(100).fill(i) };
    await disk.append([record], i % 3 === 0);
  }
}
