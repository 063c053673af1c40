import type { Link } from "../../src/core/ports/link.ts";
import type { Random } from "../../src/core/ports/random.ts";
import type { Entry } from "../../src/crdt/entry/entry.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import type { TurnedLedger } from "./turned-ledger.ts";

/** One way in which a member or an operator cheats. */
export interface Attack {
  readonly kind: string;
  /** Does it to, or by way of, this machine. Nothing happens unless the site's `take` says so. */
  attack(site: AttackSite, machine: Machine): Promise<void>;
}

/** What whoever cheats has to work with. */
export interface AttackSite {
  readonly world: World;
  /** Of this kind of attack alone. */
  readonly random: Random;
  /** Of the member who cheats. */
  readonly link: Link;
  /** What the operator who turned signs as desired state. */
  readonly ledger: TurnedLedger;
  /** What others said to everybody, oldest first. */
  readonly heard: readonly Uint8Array[];
  /** False if this run does without. */
  take(who?: readonly Machine[]): boolean;
  /** Hands entries to one machine, in an exchange. */
  give(machine: Machine, entries: readonly Entry[]): Promise<void>;
  /** Asks a machine; null if it refuses, fails or is away. */
  ask(machine: Machine, channel: string, body: Uint8Array): Promise<Uint8Array | null>;
}

/** Two sides of those that run, each with somebody on it if there are two. */
export function sidesOf({ world, random }: AttackSite): readonly [readonly Machine[], readonly Machine[]] {
  const sides: [Machine[], Machine[]] = [[], []];
  for (const [i, machine] of world.running.entries()) sides[i < 2 ? i : random.below(2)]?.push(machine);
  return sides as [Machine[], Machine[]];
}

/** Honest hands did not sign it, but whoever has the right to: machines take it, and the rules say what it is worth. */
export function signedByTurned(world: World, entries: readonly Entry[]): void {
  for (const { id } of entries) world.history.turned.add(id);
}
