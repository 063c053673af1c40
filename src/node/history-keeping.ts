import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { Disk } from "../core/ports/disk.ts";
import type { View } from "../core/view.ts";
import { readNotedTime, timeRecord } from "./noted-time.ts";

/** Who has these labels keeps audit longer than others, and ledgers for ever: whom everybody else can ask. */
export const KEEPER_ROLES = ["coordinator", SECRET_STORE] as const;

const KEY = "backed-up";

/** Remembers that this machine made a backup: what it is to back up has to be whole. */
export async function noteBackedUp(disk: Disk, atMs: number): Promise<void> {
  await disk.append([timeRecord(KEY, atMs)], true);
}

/** When this machine made a backup last, by its own clock; null if it never did. */
export async function readBackedUp(disk: Disk, nowMs: number): Promise<number | null> {
  return readNotedTime(disk, KEY, nowMs);
}

export function isKeeper(view: View, node: string): boolean {
  const roles = view.nodes.get(node)?.roles;
  return KEEPER_ROLES.some((role) => roles?.has(role) === true);
}

/** Somebody else who is heard now keeps whole what goes here. */
export function hasOtherKeeper(view: View, node: string, isHeard: (key: string) => boolean): boolean {
  return KEEPER_ROLES.some((role) => view.holders(role).some(({ id, key }) => id !== node && isHeard(key)));
}
