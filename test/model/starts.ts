import { seededRandom } from "../../sim/random.ts";
import { SimDisk } from "../../sim/disk.ts";
import { toHex } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports/random.ts";
import type { Keys } from "../../src/core/ports/keys.ts";
import type { Entry } from "../../src/crdt/entry/entry.ts";
import { Replica } from "../../src/crdt/replica.ts";
import { ReplicaExchange } from "../../src/crdt/sync/exchange.ts";
import { describe } from "./describe.ts";
import { PINNED_LEDGERS, randomHistory } from "./random-history.ts";
import { OPEN_KEYS, realise } from "./realise.ts";

const MOST_ENTRIES = 24;
/** - `sum up`: writes down what it has come to · `drop`: lets go of what lies below every pin, too */
type Thrift = "sum up" | "drop";

/** By then all has come but what waits for ever. */
const TURNS = 40;
const KEYS = OPEN_KEYS as Keys;

/**
 * A random history in a random order, told to a replica that lives on and to one that sums up what it has, or lets go
 * of it, and starts again now and then: where they show different things, what; `null` if they never do. Who has let go
 * and doubts what it shows may differ, until it has asked the other.
 */
export async function startsDiffer(
  seed: string,
  thrift: Thrift,
  met: Met = { drops: 0, doubts: 0, given: 0 },
): Promise<string | null> {
  const random = seededRandom(seed);
  const history = randomHistory(random, 4 + random.below(MOST_ENTRIES - 3), thrift === "drop" ? PINNED_LEDGERS : null);
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
    if (thrift === "drop" && random.below(2) === 0) await starting.stated.dropBelow(() => true);
    if (random.below(3) > 0 || parked.size > 0) continue;
    starting = new Replica(KEYS, mesh, disk);
    await starting.load();
    round++;
    const { missing, damaged } = starting;
    if (missing + damaged.length > 0) return told(seed, round, `${missing} missing, ${damaged.length} damaged`);
    met.drops += starting.stated.beginnings().length;
    if (thrift === "drop") {
      if (starting.stated.isInDoubt) met.doubts++;
      const before = starting.stated.isInDoubt ? null : differenceOf(steady, starting, "what counts");
      if (before !== null) return told(seed, round, `${before}\n\n${describe(history)}`);
      const given = await newcomerDiffers(starting, steady, random.fork(`newcomer ${round}`), met);
      if (given !== null) return told(seed, round, `who is new: ${given}\n\n${describe(history)}`);
      await exchange(starting, steady);
      if (starting.stated.isInDoubt) return told(seed, round, `it still doubts\n\n${describe(history)}`);
    }
    const difference = differenceOf(steady, starting);
    if (difference !== null) return told(seed, round, `${difference}\n\n${describe(history)}`);
  }
  return null;
}

/** What a run of histories came across. */
export interface Met {
  drops: number;
  doubts: number;
  given: number;
}

async function exchange(asking: Replica, answering: Replica): Promise<void> {
  const round = new ReplicaExchange(asking, KEYS).begin();
  const other = new ReplicaExchange(answering, KEYS);
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    request = await round.next(await other.answer(request));
  }
}

/** Somebody new begins with what the one has that drops, and then meets the one that has all. */
async function newcomerDiffers(dropping: Replica, whole: Replica, random: Random, met: Met): Promise<string | null> {
  if (dropping.stated.beginnings().length === 0) return null;
  const newcomer = new Replica(KEYS, whole.mesh, new SimDisk({ random }));
  await exchange(newcomer, dropping);
  met.given += newcomer.stated.beginnings().length;
  // One round shows that something differs, at the latest the second brings what decides.
  for (let i = 0; i < 3; i++) await exchange(newcomer, whole);
  return newcomer.stated.isInDoubt ? "it still doubts" : differenceOf(whole, newcomer, "what counts");
}

function told(seed: string, round: number, what: string): string {
  return `seed ${seed}, start ${round}: ${what}`;
}

/** Of what was written over below a state nobody can say any more that it is void; a fork there is told anew. */
type Shown = "everything" | "all but what is void" | "what counts";

function differenceOf(one: Replica, other: Replica, shown?: Shown): string | null {
  const most = [one, other].some((replica) => replica.stated.beginnings().length > 0)
    ? "all but what is void"
    : "everything";
  const [mine, theirs] = [picture(one, shown ?? most), picture(other, shown ?? most)];
  const lines = mine.filter((line) => !theirs.includes(line)).map((line) => `- ${line}`);
  const more = theirs.filter((line) => !mine.includes(line)).map((line) => `+ ${line}`);
  return lines.length + more.length === 0 ? null : [...lines, ...more].join("\n");
}

function picture(replica: Replica, shown: Shown): string[] {
  const view = replica.view();
  const counts = [
    `state ${toHex(replica.stateHash())}`,
    ...view.desiredUnder("").map(([path, { value, entry }]) => `${path} = ${JSON.stringify(value)} by ${entry}`),
    ...view.conflicts().flatMap(({ path, losers }) => losers.map(({ log }) => `${path}, not by ${log}`)),
  ];
  const forks = view.forks().map(({ log, seq, state }) => `${log} forks at ${seq}: ${state}`);
  const voids = view.voids().map(({ entry, state }) => `void ${entry}: ${state}`);
  return [...counts, ...(shown === "what counts" ? [] : forks), ...(shown === "everything" ? voids : [])];
}
