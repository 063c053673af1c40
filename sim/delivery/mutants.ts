import type { Mutant } from "../mutant.ts";

const run = ["--delivery"];

/** Guards without which programs see what is half, old or not theirs. */
export const DELIVERY_MUTANTS: readonly Mutant[] = [
  {
    name: "a file is made of whichever version is there by then",
    file: "src/node/delivery/secret-delivery.ts",
    guard: "if (held !== null && held.version === version) return held.value;",
    without: "if (held !== null) return held.value;",
    run,
  },
  {
    name: "a file with another version is taken over as it was",
    file: "src/core/delivery/generation.ts",
    guard: "old !== undefined && old.version === file.version && isSameAccess",
    without: "old !== undefined && isSameAccess",
    run,
  },
  {
    name: "whom an agent did not tell before it died nobody tells",
    file: "src/node/delivery/secret-delivery.ts",
    guard: "await this.#tell(now?.owed ?? [], problems);",
    without: 'await this.#tell(plan.state === "next" ? plan.generation.owed : [], problems);',
    run,
  },
  {
    name: "an old value is taken away before the new one is here",
    file: "src/node/delivery/secret-delivery.ts",
    guard: 'version !== null && (state === "fresh" || state === "stale")',
    without: 'version !== null && state === "fresh"',
    run,
  },
  {
    name: "every account gets every secret that is in place",
    file: "src/core/delivery/consumers.ts",
    guard: "return access !== undefined && (access.uid === uid",
    without: "return access !== undefined && (uid > 0 || access.uid === uid",
    run,
  },
  {
    name: "a machine that lost its label keeps what it opened",
    file: "src/node/secrets/secret-cache.ts",
    guard: 'if (node.state === "suspended" || grantingWays(view, self, path).length > 0) return false;',
    without: 'if (node.state === "suspended" || grantingWays(view, self, path).length >= 0) return false;',
    run,
  },
];
