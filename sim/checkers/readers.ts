import type { Outcome } from "../readers/reader.ts";
import type { World } from "../world.ts";

/** What operators read by `lab secret get`: who may gets the value, everybody else what a name that never was gives. */

export function checkGiven(world: World, who: string, value: string, { said, value: got }: Outcome): void {
  if (said !== "value") world.violated("secrets", `${who} may read it, and is told: ${said}`);
  else if (got !== value) world.violated("secrets", `${who} reads another value than was set`);
}

export function checkRefused(world: World, who: string, { said }: Outcome): void {
  if (said === "value") world.violated("secrets", `${who} reads what is not for that reader`);
  if (said === "missing") world.violated("secrets", `${who} learns that there is something to read`);
}

/** Every machine knows what those have who left: `path name`. */
export function checkExposed(world: World, expected: readonly string[]): void {
  for (const { agent, name } of world.machines) {
    const known = agent?.exposures.current.flatMap(({ path, holders }) => holders.map((one) => `${path} ${one.name}`));
    if (known?.join() !== expected.join()) {
      world.violated("secrets", `${name} takes this for exposed: ${known?.join() || "nothing"}`);
    }
  }
}
