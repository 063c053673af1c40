import type { Attack } from "./attack.ts";
import { flood, laterRelease, replay } from "./noise.ts";
import { falseCheckpoint, found, redeemTwice, upwards } from "./powers.ts";
import { falseTimes, forkOwnLedger, forkOwnLog } from "./two-faces.ts";

/** Whatever a member and operators who turned do besides what `hostile.ts` says. */
export const ATTACKS: readonly Attack[] = [
  replay,
  flood,
  laterRelease,
  forkOwnLedger,
  forkOwnLog,
  falseTimes,
  upwards,
  falseCheckpoint,
  redeemTwice,
  found,
];
