import { toHex } from "../../src/core/bytes.ts";
import { ENROL_CHANNEL } from "../../src/core/enrolment.ts";
import type { LinkEvents } from "../../src/core/ports/link.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { Secret } from "../../src/core/secret.ts";
import { Hands, keysOf, others } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { bytesInUse } from "../memory.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** Until caches are full and the compiler is done with what runs often. */
const WARM_ROUNDS = 4;
const ROUNDS = 6;
const STRANGERS = 100;
const TIMEOUT_MS = 10 * SECOND_MS;
/**
 * What a machine may hold more after all rounds, in which it has some 4,000 messages: 32 bytes for each of them. Less
 * than that comes of what the compiler keeps beside objects.
 */
const GROWN_BYTES = 128 * 1024;
/** For each byte more on a disk: an entry is held as bytes and as what was read in them, and counted in several tables. */
const GROWN_FACTOR = 16;

/**
 * One world in which nobody writes anything, for most of an hour: strangers come and go, a machine is cut off, another one
 * starts anew, as everywhere. What the machines hold in memory afterwards is what they held before.
 */
export async function runRest(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  // What the world remembers for all machines would grow for years.
  return told({ ...options, nodes: 7, machines: "acquainted", memo: "none" }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    for (let round = 0; round < WARM_ROUNDS; round++) await story.live();
    const before = story.look();
    for (let round = 0; round < ROUNDS; round++) await story.live();
    story.judge(before, story.look());
  });
}

interface Look {
  readonly memoryBytes: number;
  /** On all disks. */
  readonly keptBytes: number;
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "rest");
    this.#random = world.random.fork("strangers");
  }

  /** Five minutes as they are anywhere. */
  async live(): Promise<void> {
    const { machines, network } = this.#world;
    for (let number = 0; number < STRANGERS; number++) await this.#knock();
    const apart = this.#any();
    const end = network.cut([apart.key], keysOf(others(machines, apart)));
    await this.#hands.pass(MINUTE_MS);
    end();
    const anew = this.#any();
    await this.#world.until(anew.stop());
    await this.#hands.pass(20 * SECOND_MS);
    await this.#world.until(anew.start());
    await this.#hands.pass(4 * MINUTE_MS);
  }

  look(): Look {
    const keptBytes = this.#world.machines.reduce((sum, { disk }) => sum + disk.bytesNow, 0);
    return { memoryBytes: bytesInUse(), keptBytes };
  }

  judge(before: Look, after: Look): void {
    const { machines } = this.#world;
    const [grown, kept] = [after.memoryBytes - before.memoryBytes, after.keptBytes - before.keptBytes];
    const most = GROWN_BYTES * machines.length + GROWN_FACTOR * Math.max(0, kept);
    if (grown > most) {
      const each = Math.round(grown / machines.length);
      this.#world.violated("bounded", `each machine holds ${each} bytes more in memory, and nobody wrote anything`);
    }
    this.#world.reached("memory was looked at after an hour of rest");
  }

  /** Somebody with a key of its own, whom nobody will hear of again. */
  async #knock(): Promise<void> {
    const { keys, machines, network } = this.#world;
    const key = toHex(keys.signer(new Secret(this.#random.bytes(32))).publicKey);
    const link = network.createLink(key, "10.66.0.1:7444");
    await link.start(SILENT);
    const asked = machines.map(async ({ key, address }) => {
      await link.dial(key, [address], TIMEOUT_MS);
      for (const channel of [ENROL_CHANNEL, "sync", "probe"]) {
        await link.request(key, channel, this.#random.bytes(50), TIMEOUT_MS).catch(() => undefined);
      }
    });
    await this.#world.until(Promise.allSettled(asked));
    await this.#world.until(link.stop());
    // The network's own books.
    network.sent.delete(key);
    network.said.delete(key);
  }

  #any(): Machine {
    const { machines } = this.#world;
    return machines[this.#random.below(machines.length)] as Machine;
  }
}

const SILENT: LinkEvents = {
  standing: () => "stranger",
  opened: () => undefined,
  closed: () => undefined,
  request: async () => new Uint8Array(0),
  broadcast: () => "taken",
  discovered: () => undefined,
};
