import { randomFillSync, randomInt } from "node:crypto";
import type { Random } from "../../core/ports/random.ts";

/** The operating system's source. Its forks are itself: nothing can be learnt from what another consumer drew. */
export function systemRandom(): Random {
  const random: Random = {
    bytes: (length) => randomFillSync(new Uint8Array(length)),
    below: (limit) => randomInt(limit),
    fork: () => random,
  };
  return random;
}
