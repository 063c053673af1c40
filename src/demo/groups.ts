import { LabError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";

/** Names of machines, in groups that do not hear each other. A mesh that is whole has none. */
export type Groups = readonly (readonly string[])[];

/**
 * Reads `A,B C,D`. Whoever is not named goes with the first group, and a single group is cut off from all the others.
 * Throws `NotFound` with the nearest names, and `Usage`.
 */
export function readGroups(words: readonly string[], machines: readonly string[]): Groups {
  const named = words.map((word) => word.split(",").filter((name) => name !== ""));
  const all = named.flat();
  for (const name of all) requireMachine(name, machines);
  const twice = all.find((name, i) => all.indexOf(name) !== i);
  if (twice !== undefined) throw new LabError("Usage", `${twice} cannot be on two sides of a cut`);
  const rest = machines.filter((name) => !all.includes(name));
  const [first = [], ...others] = named;
  const groups = named.length === 1 ? [rest, first] : [[...first, ...rest], ...others];
  const whole = groups.filter((group) => group.length > 0);
  if (whole.length > 1) return whole;
  throw new LabError("Usage", "a cut has two sides, and machines on both", {
    hint: `lab demo partition ${machines.slice(0, 2).join(",")} ${machines.slice(2).join(",")}`,
  });
}

export function requireMachine(name: string, machines: readonly string[]): void {
  if (machines.includes(name)) return;
  const near = nearest(name, machines);
  const notes = near.length > 0 ? [`nearest: ${near.join(", ")}`] : [];
  throw new LabError("NotFound", `the demo has no machine "${name}"`, { notes, hint: "lab demo status" });
}

/** Those that a machine does not hear. */
export function beyondCut(name: string, groups: Groups): readonly string[] {
  const own = groups.find((group) => group.includes(name));
  return own === undefined ? [] : groups.filter((group) => group !== own).flat();
}
