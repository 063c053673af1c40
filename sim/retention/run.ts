import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import type { Retention } from "../../src/crdt/retention.ts";
import { submitNonsense } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { checkAges, checkEnds, checkNumbers, checkVerifies, type Written } from "./checks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Days of a world are hours. */
const RETENTION: Retention = {
  memberMs: 2 * HOUR_MS,
  keeperMs: 4 * HOUR_MS,
  pinnedMs: 2 * HOUR_MS,
  everyMs: MINUTE_MS,
};
/** On average, somewhere in the mesh. */
const ACT_EVERY_MS = 3 * MINUTE_MS;

/**
 * One world in which audit grows old: machines write down what they do, and let go of what is older than it need be. One
 * is away for longer than anybody keeps what it misses, another loses its disk after most of its own log was let go of.
 */
export async function runRetention(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6, auditRetention: RETENTION }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.live();
  });
}

class Story {
  readonly #world: World;
  readonly #random;
  /** Every audit record that any machine took in, by id. */
  readonly #written = new Map<string, Written>();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("retention");
    world.onStart(({ name }, agent) => {
      const { missing } = agent.replica;
      if (missing > 0) world.violated("retention", `${name} misses ${missing} records that it let go of`);
      agent.replica.onGrowth(({ entries }) => {
        for (const { id, header } of entries) {
          if (!("class" in header) || header.class !== CLASS_AUDIT) continue;
          const { log, seq, hlc } = header;
          this.#written.set(id, { log: Buffer.from(log).toString("hex"), seq, atMs: hlc.ms });
        }
      });
    });
  }

  async live(): Promise<void> {
    const world = this.#world;
    // The last machines have no role: whoever keeps less than others.
    const [away, unlucky] = world.machines.slice(-2) as [Machine, Machine];
    const empty = unlucky.disk.image();
    await this.#pass(HOUR_MS);
    away.crash();
    await this.#pass(4 * HOUR_MS);
    await world.until(away.start());
    world.reached("a machine was away for longer than others keep what it misses");
    await this.#pass(2 * HOUR_MS);
    unlucky.crash();
    unlucky.disk.setBack(new Map([...empty].filter(([key]) => key.startsWith("entries/a/"))));
    world.reached("a machine lost its disk when others had let go of most of its log");
    await world.until(unlucky.start());
    // It has something to write down before it could hear how far it had come.
    await submitNonsense(this.#world, unlucky);
    await this.#pass(2 * HOUR_MS);
    for (const machine of world.machines) {
      await world.until(machine.stop());
      await world.until(machine.start());
    }
    await this.#pass(HOUR_MS / 2);
    checkNumbers(world, this.#written);
    checkEnds(world);
    checkAges(world, RETENTION, this.#written);
    await checkVerifies(world);
  }

  async #pass(durationMs: number): Promise<void> {
    const { clock, running } = this.#world;
    const endMs = clock.monotonic() + durationMs;
    while (clock.monotonic() < endMs) {
      await clock.runUntil(Math.min(endMs, clock.monotonic() + this.#random.below(2 * ACT_EVERY_MS)));
      await submitNonsense(this.#world, running[this.#random.below(running.length)] as Machine);
    }
    await clock.runUntil(endMs + MINUTE_MS);
  }
}
