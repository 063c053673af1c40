import type { History } from "../history.ts";

/*
 * What a machine shows, compared with what honest hands did: the simulator asks the agent's view, a test with real
 * agents asks the API.
 */

export interface Shown {
  /** Hex of the server's log. */
  readonly id: string;
  readonly name: string;
  readonly labels: readonly string[];
}

/** Labels that no honest hand ever gave, one line each. */
export function stolenLabels(history: History, servers: readonly Shown[]): string[] {
  return servers.flatMap(({ id, name, labels }) =>
    labels
      .filter((label) => !history.everLabelled(id, label))
      .map((label) => `${name} with label ${label}, which nobody gave it`),
  );
}

/** Servers whose labels are not exactly those given, once everybody knows everything, one line each. */
export function wrongLabels(history: History, servers: readonly Shown[]): string[] {
  return servers.flatMap(({ id, name, labels }) => {
    const [shown, given] = [[...labels].sort().join(" "), history.labelsOf(id).join(" ")];
    return shown === given ? [] : [`${name} with [${shown}], and it was given [${given}]`];
  });
}

/** Who agrees with whom, by name and state hash. */
export function sidesOf(states: readonly (readonly [name: string, hash: string])[]): string {
  const said = new Map<string, string[]>();
  for (const [name, hash] of states) {
    const short = hash.slice(0, 12);
    said.set(short, [...(said.get(short) ?? []), name]);
  }
  return [...said].map(([hash, names]) => `${hash} (${names.join(", ")})`).join("; ");
}
