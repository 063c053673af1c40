import { randomFillSync, randomInt } from "node:crypto";
import type { Random } from "../../core/ports/random.ts";

/** The operating system's source. Its forks are itself: nothing can be learnt from what another consumer drew. */
export function systemRandom(): Random {
  const random: Random = {
    bytes: (length) => randomFillSync(new Uint8Array(length)),
    below,
    fork: () => random,
  };
  return random;
}

/** `limit` is below 2^48 here. */
function below(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`no whole number is in [0, ${limit})`);
  return randomInt(limit);
}
