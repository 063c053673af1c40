import type { Json } from "../json.ts";
import { isSecretPath } from "../names.ts";
import { secretOperatorsPath } from "../paths.ts";
import type { Operator, PathWinner, View } from "../view.ts";

/**
 * Which operators may read which values: exact paths, named keys, nobody by default. A machine is entitled by its labels,
 * which whoever writes desired state can give; this takes an operator who may administer.
 */

type Known = Pick<View, "desired" | "desiredUnder" | "operators">;

/** Keys that one secret names at most. */
export const MOST_READERS = 64;

/** The live operator who has this key; the most senior one where a key has several logs. */
export function liveOperator({ operators }: Pick<View, "operators">, key: string): Operator | undefined {
  return operators.filter((one) => one.key === key && one.state === "live").sort((a, b) => a.rank - b.rank)[0];
}

/** Those who may read the value of a secret now, by name. */
export function operatorReaders(view: Known, path: string): readonly Operator[] {
  const winner = isSecretPath(path) ? view.desired(secretOperatorsPath(path)) : undefined;
  return winner === undefined ? [] : readersIn(view, winner);
}

export function mayOperatorRead(view: Known, key: string, path: string): boolean {
  return operatorReaders(view, path).some((operator) => operator.key === key);
}

/** How many secrets each operator may read who may read any, by name. */
export function readableByOperators(view: Known): readonly { readonly operator: Operator; readonly paths: string[] }[] {
  const prefix = secretOperatorsPath("");
  const found = new Map<string, { operator: Operator; paths: string[] }>();
  for (const [at, winner] of view.desiredUnder(prefix)) {
    for (const operator of readersIn(view, winner)) {
      const known = found.get(operator.key) ?? { operator, paths: [] };
      known.paths.push(at.slice(prefix.length));
      found.set(operator.key, known);
    }
  }
  return [...found.values()].sort((a, b) => compareNames(a.operator, b.operator));
}

/** Keys that a value names, live or not. */
export function readReaders(value: Json | undefined): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const { keys } = value as { readonly [member: string]: Json | undefined };
  if (!Array.isArray(keys)) return [];
  return keys.filter((key) => typeof key === "string" && /^[0-9a-f]{64}$/.test(key)).slice(0, MOST_READERS) as string[];
}

function readersIn(view: Known, { value, log }: PathWinner): readonly Operator[] {
  // Of a key that was cut, what it signed before still counts, as everywhere.
  if (view.operators.find((one) => one.log === log)?.rights.includes("admin") !== true) return [];
  const readers = readReaders(value).flatMap((key) => liveOperator(view, key) ?? []);
  return [...new Set(readers)].sort(compareNames);
}

function compareNames(a: Operator, b: Operator): number {
  return a.name === b.name ? (a.key < b.key ? -1 : 1) : a.name < b.name ? -1 : 1;
}
