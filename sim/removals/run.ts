import { CALM } from "../fault-plan.ts";
import type { RunReport } from "../run.ts";
import { describe, World, type WorldOptions } from "../world.ts";
import { Hands } from "./hands.ts";
import { guardDoor } from "./door.ts";
import { removeMachines } from "./machines.ts";
import { removeOperator } from "./operator.ts";

const NODES = 10;

/**
 * One world in which machines and an operator are removed, around cuts of the network: those who are removed hear of it
 * and keep nothing, what they had said before counts, what they say later does not, and everybody shows the same.
 */
export async function runRemovals(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  const world = await World.create({ ...options, nodes: NODES });
  const hands = new Hands(world);
  try {
    await world.until(Promise.all(world.machines.map((machine) => machine.start())));
    await hands.pass(20_000);
    for (const scene of [removeMachines, guardDoor, removeOperator])
      if (world.violations.length === 0) await scene(hands);
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
