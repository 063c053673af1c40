import type { Disk } from "../../../core/ports/disk.ts";
import type { StoreHealth } from "./health.ts";

export interface OpenedStore {
  readonly disk: Disk;
  /** As of now: a stand-in steps back when the store can be opened. */
  readonly health: () => StoreHealth;
  /** What was read of it is complete: the files as they were before the opening go. */
  readonly accept: () => Promise<void>;
  /** What was done to it is written down where others read it: the next start need not say it again. */
  readonly told: () => Promise<void>;
}
