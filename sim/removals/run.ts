import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { WorldOptions } from "../world.ts";
import { Hands } from "../hands.ts";
import { guardDoor } from "./door.ts";
import { removeMachines } from "./machines.ts";
import { removeOperator } from "./operator.ts";

const NODES = 10;

/**
 * One world in which machines and an operator are removed, around cuts of the network: those who are removed hear of it
 * and keep nothing, what they had said before counts, what they say later does not, and everybody shows the same.
 */
export async function runRemovals(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: NODES }, async (world) => {
    const hands = new Hands(world, "removals");
    await startAll(world);
    await hands.pass(20_000);
    for (const scene of [removeMachines, guardDoor, removeOperator])
      if (world.violations.length === 0) await scene(hands);
  });
}
