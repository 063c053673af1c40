import { CALM } from "./fault-plan.ts";
import type { RunReport } from "./run.ts";
import { describe, World, type WorldOptions } from "./world.ts";

/**
 * A world in which nothing is drawn but chance itself: what goes wrong is told, act by act, and judged by whoever tells it.
 * What the tale throws is a violation.
 */
export async function told(options: WorldOptions, tale: (world: World) => Promise<void>): Promise<RunReport> {
  const world = await World.create(options);
  try {
    await tale(world);
  } catch (error) {
    world.violated("no-throw", describe(error));
  }
  return {
    seed: options.seed,
    traceHash: world.trace.digest(),
    virtualSeconds: Math.round(world.seconds * 1000) / 1000,
    convergedSeconds: null,
    events: world.clock.ran,
    writes: world.history.writes.length,
    plan: CALM,
    faults: {},
    acts: 0,
    pairs: [],
    states: [],
    sometimes: world.sometimes,
    errors: world.errors,
    violations: world.violations,
  };
}

/** Of all machines at once. */
export async function startAll(world: World): Promise<void> {
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
}
