import type { Ground } from "../platform/secret-place.ts";
import type { DeliveryProblem } from "./secret-delivery.ts";

/** What is said of an agent that puts no secrets anywhere. */
export const NOWHERE = "no secrets are put in place here";

export interface DeliveryReport {
  readonly directory: string;
  readonly ground: Ground;
  /** How many files are in place. */
  readonly placed: number;
  readonly problems: readonly DeliveryProblem[];
}

export interface RunningDelivery {
  report(): DeliveryReport;
  /** Resolves when everything that this machine is entitled to is in place, or will not be soon; says which. */
  untilPlaced(): Promise<string>;
  stop(): Promise<void>;
}
