import { drift, jump, year } from "./clocks.ts";
import { newAddress, oneAddress, oneWay, partial, partition, slowLinks } from "./cuts.ts";
import { flip, full, slow, tear } from "./disks.ts";
import type { Fault } from "./fault.ts";
import { pause, sleep } from "./pauses.ts";
import { crash, crashAtWrite, massRestart, setBack, stop } from "./power.ts";

/** Whatever can happen to a world again and again. */
export const FAULTS: readonly Fault[] = [
  crash,
  crashAtWrite,
  massRestart,
  stop,
  setBack,
  flip,
  tear,
  full,
  slow,
  partition,
  oneWay,
  partial,
  slowLinks,
  newAddress,
  oneAddress,
  pause,
  sleep,
  jump,
  year,
  drift,
];
