import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** With which number a ledger begins on a machine; 1 where all of it is there, 0 where none is. */
export function beginsAt(machine: Machine, log: string): number {
  const chain = running(machine).replica.chain(log, CLASS_DESIRED);
  return chain === undefined ? 0 : chain.letGo + 1;
}

/** A ledger begins with this number on all of these. */
export function checkBeginning(
  world: World,
  when: string,
  { at, log, seq }: { readonly at: readonly Machine[]; readonly log: string; readonly seq: number },
): void {
  for (const machine of at) {
    const found = beginsAt(machine, log);
    if (found !== seq) world.violated("drops", `${when}: a ledger begins with ${found} on ${machine.name}, not ${seq}`);
  }
}

/** On the disk of each are the links from there on, and no others. */
export function checkDisks(
  world: World,
  when: string,
  { at, log }: { readonly at: readonly Machine[]; readonly log: string },
): void {
  for (const machine of at) {
    const prefix = `entries/c/${log}/`;
    const numbers = machine.disk.keysNow
      .filter((key) => key.startsWith(prefix))
      .map((key) => Number(key.slice(prefix.length).split("/")[1]));
    const first = beginsAt(machine, log);
    const lowest = Math.min(...numbers);
    if (lowest !== first)
      world.violated("drops", `${when}: ${machine.name} has link ${lowest}, and begins with ${first}`);
  }
}

/** Who stays on a state says so, and nobody else does. */
export function checkDoubts(
  world: World,
  when: string,
  { at, log, doubt }: { readonly at: readonly Machine[]; readonly log: string; readonly doubt: string | null },
): void {
  for (const machine of at) {
    const found = running(machine)
      .replica.stated.beginnings()
      .find((beginning) => beginning.log === log);
    if (found === undefined) world.violated("drops", `${when}: ${machine.name} has all of the ledger`);
    else if (found.doubt !== doubt)
      world.violated("drops", `${when}: ${machine.name} doubts its state: ${found.doubt}`);
  }
}

/** Nothing was lost along the way that the machine itself would have to tell. */
export function checkWhole(world: World, when: string, at: readonly Machine[]): void {
  for (const machine of at) {
    const { missing, damaged } = running(machine).replica;
    if (missing + damaged.length > 0) {
      world.violated("drops", `${when}: ${machine.name} misses ${missing} records, and ${damaged.length} are damaged`);
    }
  }
}
