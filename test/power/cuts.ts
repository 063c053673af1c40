import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createKeys } from "../../src/node/platform/keys.ts";
import { openStore } from "../../src/node/platform/store/open-store.ts";
import { EntryStore } from "../../src/crdt/store/entry-store.ts";
import { seededRandom } from "../../sim/random.ts";
import { batchAt, batchOf } from "./batches.ts";
import { cutPowerOf, fullnessOf, makeImage, memory, mountImage, unmount } from "./image.ts";

export interface CutOptions {
  readonly cuts: number;
  readonly seed: string;
  /** `unsynced` shows that a writer that acknowledges too early is found out. */
  readonly writer: "synced" | "unsynced";
  readonly progress: (done: number) => void;
}

export interface CutReport {
  readonly cuts: number;
  readonly batches: number;
  readonly records: number;
  /** Cuts after which there was a batch that nobody had been told of: the cut fell into the middle of a write. */
  readonly within: number;
  /** How full the file system of a store was at most, 0 to 1: on one without room it would be the room that is tried. */
  readonly fullest: number;
  /** One line for each fault. */
  readonly faults: readonly string[];
}

/** A store that has grown to this many cuts makes way for a new one: every check reads all of it. */
const CUTS_OF_ONE_STORE = 20;
const LONGEST_MS = 400;
/**
 * A store that fills this much of its file system makes way as well, be the machine as fast as it may: LevelDB writes
 * anew what it compacts before it lets go of it, up to as much again, and one cut's writing comes on top.
 */
const FULL_ENOUGH = 1 / 3;
/** Only what was written takes memory. */
const IMAGE_BYTES = 512 * 1024 * 1024;

/**
 * Cuts the power under a store that is being written, again and again, each time at another moment, and compares what is
 * there afterwards with what was acknowledged. For a mount namespace of its own, and root.
 */
export async function cutPower({ cuts, seed, writer, progress }: CutOptions): Promise<CutReport> {
  const random = seededRandom(`power ${seed}`);
  const faults: string[] = [];
  let [batches, records, within, fullest] = [0, 0, 0, 0];
  const place = mkdtempSync(join(tmpdir(), "lab-power-"));
  const image = join(memory(), `lab-power-${process.pid}.img`);
  try {
    let [stores, cutsOfStore, acknowledged] = [0, 0, 0];
    for (let cut = 0; cut < cuts; cut++) {
      if (cutsOfStore === 0) {
        stores++;
        acknowledged = 0;
        makeImage(image, IMAGE_BYTES);
      }
      const run = `${seed} ${stores}`;
      const home = mountHome(image, place);
      acknowledged = Math.max(
        acknowledged,
        await writeUntilCut({ home, run, writer, afterMs: random.below(LONGEST_MS) }),
      );
      unmount(place);

      mountImage(image, place);
      const before = fullnessOf(place);
      const found = await check(home, run, acknowledged);
      const full = Math.max(before, fullnessOf(place));
      unmount(place);
      fullest = Math.max(fullest, full);
      faults.push(...found.faults.map((fault) => `cut ${cut + 1}, ${percent(full)} full: ${fault}`));
      if (found.last > acknowledged) within++;
      cutsOfStore = cutsOfStore + 1 === CUTS_OF_ONE_STORE || full > FULL_ENOUGH ? 0 : cutsOfStore + 1;
      if (cutsOfStore === 0 || cut + 1 === cuts || found.faults.length > 0) {
        batches += Math.max(found.last, acknowledged);
        records += found.records;
      }
      // What survived although nobody had been told of it is there to stay.
      acknowledged = found.last;
      progress(cut + 1);
      if (found.faults.length > 0) break;
    }
  } finally {
    unmount(place);
    rmSync(place, { recursive: true });
    rmSync(image, { force: true });
  }
  return { cuts, batches, records, within, fullest, faults };
}

export function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

function mountHome(image: string, place: string): string {
  mountImage(image, place);
  const home = join(place, "home");
  mkdirSync(home, { recursive: true });
  return home;
}

interface Writing {
  readonly home: string;
  readonly run: string;
  readonly writer: CutOptions["writer"];
  /** From the first acknowledgement on. */
  readonly afterMs: number;
}

/** The number of the last batch that was acknowledged, before the cut or in spite of it. */
async function writeUntilCut({ home, run, writer, afterMs }: Writing): Promise<number> {
  const program = join(import.meta.dirname, "writer.ts");
  const child = spawn(process.execPath, [program, join(home, "store"), run, writer], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let last = 0;
  const begun = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (line.startsWith("begun")) return;
    last = Number(line);
    begun.resolve();
  });
  const ended = endOf(child);
  await Promise.race([begun.promise, ended]);
  await Promise.race([sleep(afterMs), ended]);
  cutPowerOf(home);
  // Its next write fails: whatever it was told until then counts.
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(late);
  return last;
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("close", () => resolve()));
}

interface Found {
  readonly last: number;
  readonly records: number;
  readonly faults: readonly string[];
}

async function check(home: string, run: string, acknowledged: number): Promise<Found> {
  const keys = createKeys();
  const opened = await openStore(join(home, "store"), {
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    snapshot: async () => [],
  });
  const faults: string[] = [];
  const health = opened.health();
  if (health.state !== "sound") faults.push(`the store was opened as ${JSON.stringify(health)}`);
  const store = new EntryStore(opened.disk, keys);
  const { others: records, damaged, missing } = await store.load();
  // As an agent does that read all of it.
  if (missing + damaged.length === 0) await opened.accept();
  await opened.disk.close();
  if (missing + damaged.length > 0) faults.push(`${missing} records missing, ${damaged.length} damaged`);
  const found = new Map<number, { readonly key: string; readonly bytes: Uint8Array }[]>();
  for (const record of records) {
    const n = batchAt(record.key);
    const batch = found.get(n);
    if (batch === undefined) found.set(n, [record]);
    else batch.push(record);
  }
  const last = Math.max(0, ...found.keys());
  for (let n = 1; n <= Math.max(last, acknowledged); n++) {
    const wanted = batchOf(run, n).map((entry) => ({ key: store.chainRecord(entry).key, bytes: entry.bytes }));
    const there = found.get(n) ?? [];
    const isWhole =
      there.length === wanted.length &&
      wanted.every(({ key, bytes }, i) => there[i]?.key === key && Buffer.compare(bytes, there[i].bytes) === 0);
    if (!isWhole)
      faults.push(`batch ${n} of ${acknowledged} acknowledged has ${there.length} of ${wanted.length} records`);
  }
  return { last, records: records.length, faults };
}
