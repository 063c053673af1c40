import { equalBytes, toHex } from "../../src/core/bytes.ts";
import type { World } from "../world.ts";
import { sidesOf } from "./shown.ts";

/** True if every machine runs, knows all that honest hands signed, and makes the same of it as the others. */
export function hasConverged(world: World): boolean {
  const [first, ...others] = world.machines.map(({ agent }) => agent?.replica.stateHash());
  if (first === undefined || !others.every((hash) => hash !== undefined && equalBytes(hash, first))) return false;
  return [...world.history.signed].every((id) => world.machines[0]?.holds(id) === true);
}

/** Says who differs, after the time in which everybody should have agreed. */
export function checkConvergence(world: World): void {
  if (hasConverged(world)) return;
  const said = world.machines.map(({ name, agent }): [string, string] => {
    return [name, agent === null ? "does not run" : toHex(agent.replica.stateHash())];
  });
  world.violated("convergence", `after the heal the machines do not agree: ${sidesOf(said)}`);
}
