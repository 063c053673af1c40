import { join } from "node:path";
import { toHex } from "../src/core/bytes.ts";
import { serverAttributePath } from "../src/core/paths.ts";
import { CLASS_DESIRED } from "../src/crdt/entry/entry.ts";
import { checkpointBody } from "../src/crdt/checkpoint.ts";
import { Replica } from "../src/crdt/replica.ts";
import { AUDIT_RETENTION } from "../src/crdt/retention.ts";
import { createKeys } from "../src/node/platform/keys.ts";
import { openLevelDisk } from "../src/node/platform/store/level-disk.ts";
import { scopedDisk } from "../src/node/scoped-disk.ts";
import { isDue } from "../src/operator/checkpoint.ts";
import { bytesUnder } from "./bytes-under.ts";
import { atMost, type Figure } from "./figure.ts";
import { Fleet } from "./fleet.ts";
import { starts } from "./starts.ts";

const keys = createKeys();
const PORTION = 1_000;
const [PATHS, DAYS] = [500, 182] as const;
const WRITES = DAYS * 24 * 60;
const MINUTE_MS = 60_000;

/** What is left of half a year in which a program wrote every minute, on a machine that keeps all and on one that need not. */
export async function minuteFigures(note: (text: string) => void): Promise<Figure[]> {
  note(`signing ${WRITES} entries, twice`);
  const whole = await halfYear("keeps");
  const dropping = await halfYear("drops");
  const how = `${WRITES} writes to ${PATHS} paths, ${dropping.checkpoints} checkpoints; a machine that keeps all has ${whole.megabytes.toFixed(1)} MB and ${whole.links} links`;
  return [
    atMost("store after half a year of a write a minute", dropping.megabytes, "MB", whole.megabytes * 0.6, how),
    atMost(
      "… links of its ledger",
      dropping.links,
      "links",
      WRITES * 0.6,
      "90 days, and what came since the pin before that",
    ),
    atMost(
      "… start of its agent",
      dropping.startMs / 1000,
      "s",
      1.2,
      `${dropping.from}; of the one that keeps all ${(whole.startMs / 1000).toFixed(2)} s`,
    ),
  ];
}

async function halfYear(thrift: "keeps" | "drops") {
  const fleet = await Fleet.create(1, 1);
  try {
    const store = join(fleet.nodes[0]?.home ?? "", "store");
    const disk = await openLevelDisk(store);
    const replica = new Replica(keys, fleet.pen.mesh, scopedDisk(disk, "entries/"));
    await replica.load();
    const log = toHex(fleet.pen.log);
    const server = toHex(fleet.logs[0] as Uint8Array);
    /** By the checkpoint's id, when it came, in minutes. */
    const pins = new Map<string, number>();
    let pinnedAt = 0;
    const admit = async (portion: readonly Uint8Array[]) => {
      for (const { state, reason } of await replica.admit(portion, "exchange")) {
        if (state !== "admitted" && state !== "known") throw new Error(`an entry is ${state}: ${reason}`);
      }
    };
    await admit(fleet.pen.entries);
    for (let at = 0; at < WRITES; at += PORTION) {
      const count = Math.min(PORTION, WRITES - at);
      await admit(
        Array.from({ length: count }, (_, i) => {
          const value = `value ${at + i}`;
          return fleet.pen.write({ [serverAttributePath(server, `a${(at + i) % PATHS}`)]: value }).bytes;
        }),
      );
      const minute = at + count;
      if (isDue({ live: PATHS, deadSince: minute - pinnedAt - PATHS })) {
        const links = replica.chain(log, CLASS_DESIRED)?.main ?? [];
        const id = toHex(fleet.pen.act(checkpointBody(keys, [links], Date.now())));
        await admit(fleet.pen.entries.slice(-1));
        pins.set(id, minute);
        pinnedAt = minute;
      }
      const isOld = (id: string) => (minute - (pins.get(id) ?? minute)) * MINUTE_MS >= AUDIT_RETENTION.pinnedMs;
      if (thrift === "drops") await replica.stated.dropBelow(isOld);
    }
    await replica.sumUp();
    const links = replica.chain(log, CLASS_DESIRED)?.held ?? 0;
    await disk.close();
    const { medianMs: startMs, from } = await starts(fleet);
    return { links, checkpoints: pins.size, megabytes: bytesUnder(store) / 1e6, startMs, from };
  } finally {
    await fleet.end();
  }
}
