import { ENROL_CHANNEL } from "../../src/core/enrolment.ts";
import type { Machine } from "../machine.ts";
import { GOSSIP } from "../link.ts";
import { bytesInUse } from "../memory.ts";
import type { World } from "../world.ts";

const KIB = 1024;
/** Who is there: a word of a hundred bytes about each member, to eight neighbours, forty times a minute. */
const PRESENCE = ["probe", "probe-for", "compare-verdicts"];
const PRESENCE_OF_MEMBER_BYTES = 32 * KIB;
/** A member may ask 200 times a second after a burst of 2,000 (docs/protocol/mesh.md): so often it is answered. */
const ASKED_MOST = 2_000 + 60 * 200;
/** What a machine asks of its own accord: of each member, five times a second. */
const ASKS_OF_MEMBER = 5 * 60;
/** A question or an answer is small, and now and then something is missing, or a secret goes over the wire. */
const MESSAGE_BYTES = KIB;
const MISSING_BYTES = 512 * KIB;
/** What a machine has to say that nobody told it: its report, who is there, and what it writes down about others. */
const SAID_BYTES = 128 * KIB;
/** Strangers, all together: ten questions a second after a burst of a hundred. */
const KNOCKS_MOST = 100 + 60 * 10;
/** Of what is new in the mesh a machine passes a copy to each member, in exchanges, and says it once to all. */
const NEW_FACTOR = 3;
/** What an agent holds in memory for each byte of its store, and what it holds anyway: half of that may be orphans. */
const HEAP_FACTOR = 16;
const HEAP_BYTES = 2 * KIB * KIB;

interface Total {
  readonly sent: ReadonlyMap<string, { readonly messages: number; readonly bytes: number }>;
  readonly said: number;
}

/**
 * What every machine has to send, say and keep in a minute of virtual time, whatever anybody does, and what it holds in
 * memory: looked at once a minute. `keptBytes` is what there is to be known by everybody so far.
 */
export class Burden {
  readonly #world: World;
  readonly #keptBytes: () => number;
  readonly #before = new Map<Machine, Total>();
  /** Said by all, those who cheat included, up to the end of each of the last minutes. */
  readonly #saidByAll: number[] = [0];
  #newBefore = 0;
  /** Of the process, before any agent ran. */
  readonly #memoryBytes = memoryInUse();

  constructor(world: World, keptBytes: () => number) {
    this.#world = world;
    this.#keptBytes = keptBytes;
  }

  look(): void {
    const { network, machines } = this.#world;
    const saidByAll = [...network.said.values()].reduce((sum, bytes) => sum + bytes, 0);
    // What was said at the end of a minute is passed on in the next.
    const heard = saidByAll - (this.#saidByAll.at(-2) ?? 0);
    const kept = this.#keptBytes();
    for (const machine of machines) {
      const now = this.#totalOf(machine);
      this.#judge(machine.name, this.#before.get(machine) ?? { sent: new Map(), said: 0 }, now, {
        heard,
        fresh: Math.max(0, kept - this.#newBefore),
      });
      this.#before.set(machine, now);
    }
    this.#saidByAll.push(saidByAll);
    this.#newBefore = kept;
    this.#judgeMemory();
  }

  #totalOf({ key }: Machine): Total {
    const { said, sent } = this.#world.network;
    const copy = [...(sent.get(key) ?? [])].map(([kind, total]) => [kind, { ...total }] as const);
    return { sent: new Map(copy), said: said.get(key) ?? 0 };
  }

  #judge(name: string, before: Total, now: Total, { heard, fresh }: { heard: number; fresh: number }): void {
    const members = this.#world.machines.length + 1;
    let presence = 0;
    for (const [kind, total] of now.sent) {
      const bytes = total.bytes - (before.sent.get(kind)?.bytes ?? 0);
      const messages = total.messages - (before.sent.get(kind)?.messages ?? 0);
      if (PRESENCE.includes(kind)) presence += bytes;
      else if (kind === GOSSIP) this.#limit(name, "bytes of gossip passed on", bytes, members * heard);
      else {
        const most = kind === ENROL_CHANNEL ? KNOCKS_MOST : ASKED_MOST + ASKS_OF_MEMBER * members;
        this.#limit(name, `messages of ${kind}`, messages, most);
        const room = MISSING_BYTES + NEW_FACTOR * members * fresh;
        this.#limit(name, `bytes of ${kind}`, bytes, MESSAGE_BYTES * messages + room);
      }
    }
    this.#limit(name, "bytes about who is there", presence, PRESENCE_OF_MEMBER_BYTES * members);
    this.#limit(name, "bytes of its own gossip", now.said - before.said, SAID_BYTES + NEW_FACTOR * fresh);
  }

  #judgeMemory(): void {
    const [bytes, { machines }] = [memoryInUse(), this.#world];
    if (bytes === null || this.#memoryBytes === null) return;
    const kept = machines.reduce((sum, { disk }) => sum + disk.bytesNow, 0);
    const most = HEAP_BYTES * machines.length + HEAP_FACTOR * kept;
    this.#limit("the world", "bytes of memory", bytes - this.#memoryBytes, most);
    this.#world.reached("memory was looked at");
  }

  #limit(name: string, what: string, found: number, most: number): void {
    if (found > most)
      this.#world.violated("burden", `${name} had ${found} ${what} in a minute, over ${Math.round(most)}`);
  }
}

/** Null where nobody asked for collections, which take time: `node --expose-gc`. */
function memoryInUse(): number | null {
  return globalThis.gc === undefined ? null : bytesInUse();
}
