import { equalJson } from "../../src/core/json.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** A machine that starts has on its disk whatever its agents said was durable there. */
export function checkOwnWord(world: World, machine: Machine): void {
  for (const { entry, atMs } of world.history.wordOf(machine.name)) {
    if (machine.holds(entry)) continue;
    const what = `${entry.slice(0, 12)}, acknowledged at ${atMs / 1000} s`;
    world.violated("acknowledged", `${machine.name} started again without ${what}`);
  }
}

/** Every machine has what any machine acknowledged, and every path has the value that cause and clocks give it. */
export function checkAcknowledged(world: World): void {
  const { acknowledgements, paths } = world.history;
  const contested = paths.filter((path) => world.history.isContested(path)).sort();
  for (const machine of world.machines) {
    const { name, agent } = machine;
    if (agent === null) continue;
    const lost = new Set(acknowledgements.map(({ entry }) => entry).filter((entry) => !machine.holds(entry)));
    if (lost.size > 0) world.violated("acknowledged", `${name} lacks ${lost.size} acknowledged entries`);
    const view = agent.view();
    const shown = view.conflicts().map(({ path }) => path);
    if (shown.join() !== contested.join()) {
      world.violated("acknowledged", `${name} shows conflicts at [${shown.join()}], not at [${contested.join()}]`);
    }
    if (contested.length > 0) world.reached("two hands disagree at the end");
    for (const path of paths) {
      const expected = world.history.winner(path);
      const found = view.desired(path);
      if (equalJson(found?.value, expected?.value) && (found === undefined || found.entry === expected?.entry))
        continue;
      const said = expected === undefined ? "nothing" : `${JSON.stringify(expected.value)} of ${expected.operator}`;
      world.violated("acknowledged", `${name} has ${JSON.stringify(found?.value)} at ${path}, not ${said}`);
      return;
    }
  }
}
