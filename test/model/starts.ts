import { seededRandom } from "../../sim/random.ts";
import { SimDisk } from "../../sim/disk.ts";
import { toHex } from "../../src/core/bytes.ts";
import type { Keys } from "../../src/core/ports/keys.ts";
import type { Entry } from "../../src/crdt/entry/entry.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { describe } from "./describe.ts";
import { randomHistory } from "./random-history.ts";
import { OPEN_KEYS, realise } from "./realise.ts";

const MOST_ENTRIES = 24;
/** By then all has come but what waits for ever. */
const TURNS = 40;
const KEYS = OPEN_KEYS as Keys;

/**
 * A random history in a random order, told to a replica that lives on and to one that sums up what it has and starts
 * again now and then: where they show different things, what; `null` if they never do.
 */
export async function startsDiffer(seed: string): Promise<string | null> {
  const random = seededRandom(seed);
  const history = randomHistory(random, 4 + random.below(MOST_ENTRIES - 3));
  const { mesh, entries, links } = realise(history);
  const disk = new SimDisk({ random: random.fork("disk") });
  const steady = new Replica(KEYS, mesh, new SimDisk({ random: random.fork("steady") }));
  let starting = new Replica(KEYS, mesh, disk);
  let left: readonly Entry[] = [...entries, ...links];
  let round = 0;
  /** What waits in the one that lives on, and is forgotten by a start until it comes again. */
  const parked = new Set<string>();
  for (let turn = 0; turn < TURNS && left.length > 0; turn++) {
    // Whatever it builds on has come by then, or comes again.
    const batch = left.filter((_, i) => i === 0 || random.below(3) === 0);
    const bytes = batch.map((entry) => entry.bytes);
    const answers = await steady.admit(bytes, "local");
    await starting.admit(bytes, "local");
    for (const { id, state } of answers) {
      if (state === "waiting") parked.add(id);
      else parked.delete(id);
    }
    left = left.filter((entry) => !batch.includes(entry) || parked.has(entry.id));
    if (random.below(2) === 0) await starting.sumUp(0);
    if (random.below(3) > 0 || parked.size > 0) continue;
    starting = new Replica(KEYS, mesh, disk);
    await starting.load();
    round++;
    const { missing, damaged } = starting;
    if (missing + damaged.length > 0) return told(seed, round, `${missing} missing, ${damaged.length} damaged`);
    const difference = differenceOf(steady, starting);
    if (difference !== null) return told(seed, round, `${difference}\n\n${describe(history)}`);
  }
  return null;
}

function told(seed: string, round: number, what: string): string {
  return `seed ${seed}, start ${round}: ${what}`;
}

function differenceOf(one: Replica, other: Replica): string | null {
  const [mine, theirs] = [picture(one), picture(other)];
  const lines = mine.filter((line) => !theirs.includes(line)).map((line) => `- ${line}`);
  const more = theirs.filter((line) => !mine.includes(line)).map((line) => `+ ${line}`);
  return lines.length + more.length === 0 ? null : [...lines, ...more].join("\n");
}

function picture(replica: Replica): string[] {
  const view = replica.view();
  return [
    `state ${toHex(replica.stateHash())}`,
    ...view.desiredUnder("").map(([path, { value, entry }]) => `${path} = ${JSON.stringify(value)} by ${entry}`),
    ...view.conflicts().flatMap(({ path, losers }) => losers.map(({ log }) => `${path}, not by ${log}`)),
    ...view.voids().map(({ entry, state }) => `void ${entry}: ${state}`),
    ...view.forks().map(({ log, seq, state }) => `${log} forks at ${seq}: ${state}`),
  ];
}
