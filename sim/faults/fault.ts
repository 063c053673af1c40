import type { Random } from "../../src/core/ports/random.ts";
import type { Family } from "../acts.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** Least and most, in milliseconds. */
export type SpanMs = readonly [min: number, max: number];

/** One way in which a world goes wrong again and again. */
export interface Fault {
  readonly kind: string;
  readonly family: Family;
  /** Of a hundred worlds so many have it. */
  readonly percent: number;
  /** About how often, where it is; a world draws between half and twice of it. */
  readonly everyMs: number;
  readonly lastsMs: SpanMs;
  /** Makes it happen. Finds it nobody to happen to, it does nothing. */
  happen(site: FaultSite, lastsMs: number): void;
}

/** What a fault has to work with. */
export interface FaultSite {
  readonly world: World;
  /** Of this kind of fault alone. */
  readonly random: Random;
  /** False if this run does without: then nothing is to happen. */
  take(family: Family, kind: string, who: readonly Machine[]): boolean;
  /** One that runs, and that no fault has in its hands. */
  pick(): Machine | undefined;
  /** Several of those. */
  pickSome(most: number): Machine[];
  /** Calls `end` after this time, or at the heal, whichever comes first. Until then the network counts as unkind. */
  lasts(lastsMs: number, end: () => void): void;
  /** The power fails; it comes back after this time, or at the heal. */
  powerCut(machine: Machine, lastsMs: number, how?: "whole" | "tear"): void;
  /** Its agent ends in order; it comes back after this time, or at the heal. */
  stop(machine: Machine, lastsMs: number): void;
  /** Whether faults still happen. */
  readonly isActive: boolean;
}

export function namesOf(machines: readonly Machine[]): string[] {
  return machines.map(({ name }) => name);
}

export function keysOf(machines: readonly Machine[]): string[] {
  return machines.map(({ key }) => key);
}

export function between(random: Random, [min, max]: SpanMs): number {
  return min + random.below(max - min + 1);
}
