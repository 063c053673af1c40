import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/**
 * At any moment: of what an operator signed as one batch a machine shows all or nothing. Every batch of an operator
 * writes the same paths, which nobody else writes, with its number: a machine that shows two numbers shows half of one.
 */
export function checkBatches(world: World, { name, agent }: Machine): void {
  if (agent === null) return;
  const view = agent.view();
  for (const [operator, paths] of world.history.batchPaths) {
    const shown = new Set(paths.map((path) => JSON.stringify(view.desired(path)?.value ?? null)));
    if (shown.size <= 1) continue;
    world.violated("batches", `${name} shows parts of what ${operator} signed as one: ${[...shown].join(", ")}`);
    return;
  }
}
