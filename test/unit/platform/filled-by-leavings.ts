// Run by left-over.test.ts on a small disk of its own: fills it with what a compaction would leave, starts, fills it again
// under the open store, writes on, and tells what it saw.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../../src/core/errors.ts";
import { openStore } from "../../../src/node/platform/store/open-store.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";

const [home = ""] = process.argv.slice(2);
const store = join(home, "store");

/** A table that no manifest names, as large as there is room. */
function leave(name: string): void {
  for (const bytes of [1024 * 1024, 4096]) {
    try {
      for (;;) appendFileSync(join(store, name), new Uint8Array(bytes).fill(1));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

const first = await openLevelDisk(store);
for (let i = 0; i < 250; i++) await first.append([{ key: `first/${i}`, value: new Uint8Array(30_000).fill(i) }], true);
await first.close();
leave("900001.ldb");
// File times are those of the last tick.
await sleep(50);

const opened = await openStore(store, {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  snapshot: async () => [],
});
const started = opened.health();
const lost = 250 - (await opened.disk.count("first/"));
await opened.accept();

async function append(key: string): Promise<string> {
  try {
    await opened.disk.append([{ key, value: new Uint8Array(30_000).fill(3) }], true);
    return "written";
  } catch (error) {
    return error instanceof LabError ? error.code : String(error);
  }
}

leave("900002.ldb");
let whenFull = "written";
for (let i = 0; whenFull === "written"; i++) whenFull = await append(`second/${i}`);
const afterwards = await append("third");
await opened.disk.close();
process.stdout.write(JSON.stringify({ started, lost, whenFull, afterwards }));
