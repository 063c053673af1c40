import { equalBytes, toHex } from "../../src/core/bytes.ts";
import { checkpointState } from "../../src/crdt/checkpoint.ts";
import { checkReference } from "../checkers/reference.ts";
import { running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { Archive } from "../reference/archive.ts";
import { checkAgree, checkLabels } from "../removals/checks.ts";
import type { World } from "../world.ts";

/** One moment of the story: who is asked, and what counts of the ledgers. */
export interface Moment {
  readonly at: readonly Machine[];
  readonly server: string;
  readonly labels: readonly string[];
}

/** All show the same: what counts by the story, and what the pages of the protocol make of the entries. */
export function checkMoment(world: World, archive: Archive, when: string, moment: Moment): void {
  checkAgree(world, when, moment.at);
  checkLabels(world, when, moment, "checkpoints");
  for (const machine of moment.at) {
    checkReference(world, archive, machine);
    checkStates(world, when, machine);
  }
}

/** Where the whole of a pinned ledger counts, it has come to what its checkpoint says, read from its base or whole. */
function checkStates(world: World, when: string, machine: Machine): void {
  const { replica } = running(machine);
  for (const { body } of replica.authority.checkpoints) {
    const [pin, ...others] = body.pins;
    // Only honest hands say of what a ledger has come to, and each of one ledger.
    if (pin === undefined || others.length > 0 || body.at === 0) continue;
    const { links } = replica.fold.ledgers.get(toHex(pin.log)) ?? { links: [] };
    const length = links.findIndex(({ entry }) => equalBytes(entry.hash, pin.hash)) + 1;
    // It lies below a base of this machine, or does not count.
    if (length === 0) continue;
    if (!equalBytes(checkpointState(world.keys, [links.slice(0, length)]), body.state)) {
      world.violated("checkpoints", `${when}: ${machine.name} has come to another state than a checkpoint of it`);
    } else world.reached("a ledger has come to the state that its checkpoint says");
  }
}
