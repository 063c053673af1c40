import { readSecretDeclaration } from "../model/secret-declaration.ts";
import { secretPath } from "../paths.ts";
import type { View } from "../view.ts";

/** Until when a copy is good, by the clock of the machine that has it. */
export interface Lifetime {
  /** From then on it is fetched anew, and goes on being given meanwhile; null if it never is. */
  readonly refreshMs: number | null;
  /** From then on it is given no more; null if a stale value beats none for ever, which is the rule. */
  readonly endMs: number | null;
}

/** Of a value that was fetched then, by what its declaration says. */
export function lifetimeOf(view: View, path: string, fetchedMs: number): Lifetime {
  const declared = view.desired(secretPath(path));
  if (declared === undefined) return { refreshMs: null, endMs: null };
  const { ttlSeconds, maxStaleSeconds } = readSecretDeclaration(path, declared.value, []);
  const after = (seconds: number | null) => (seconds === null ? null : fetchedMs + seconds * 1000);
  // Whoever says when a copy ends means it to be renewed long before.
  const half = maxStaleSeconds === null ? null : maxStaleSeconds / 2;
  const refreshSeconds = [ttlSeconds, half].filter((seconds) => seconds !== null);
  return {
    refreshMs: refreshSeconds.length === 0 ? null : after(Math.min(...refreshSeconds)),
    endMs: after(maxStaleSeconds),
  };
}
