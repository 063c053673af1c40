import type { Case } from "./case.ts";
import { describePath } from "./describe.ts";
import { withHandedOn } from "./handed-on.ts";
import { isLink, type Link } from "./history.ts";
import { fold } from "./ledgers.ts";
import {
  cutters,
  differs,
  first,
  hasEffect,
  type Invariant,
  keptOf,
  namedSomewhere,
  type PlacedPin,
  pinsOf,
} from "./observations.ts";

/** What dropping the links below a pin, and handing on a state in their place, rests on (`trust.md` §8). */
export const STATE_INVARIANTS: readonly Invariant[] = [
  {
    id: "S1",
    says: "while a pinned link counts, what the ledger had come to with it says all that the links below say: every path has the same winner and the same conflicts",
    broken: (world) => {
      const paths = (of: Case["view"]["paths"]) => of.map(describePath);
      return first(keptPins(world), ({ link, log }) => {
        const ledgers = withHandedOn(world.view.ledgers, log, link);
        return differs(paths(world.view.paths), paths(fold(ledgers)), `${log} from ${link.id} on`);
      });
    },
  },
  {
    id: "S2",
    says: "a pinned link of rank ≤ 1 that counts is taken back only by acts, by a link that an act names, or while a pin as senior waits for its link: the checkpoint is void, a cut did not know it, or a pin of its rank or a smaller one says otherwise",
    broken: (world) => {
      return first(world.last, (item) => {
        const before = world.without(item.id);
        return first(keptPins(before), ({ link, log, pin }) => {
          if (pin.rank > 1 || keptOf(world, log).some(({ id }) => id === link.id)) return null;
          if (isLink(item) && !namedSomewhere(world).has(item.id) && !isOpen(world, log, pin)) {
            return `${item.id} takes ${link.id} back`;
          }
          return isAccountedFor(world, log, pin) ? null : `nobody says why ${item.id} takes ${link.id} back`;
        });
      });
    },
  },
];

interface KeptPin {
  readonly log: string;
  readonly pin: PlacedPin;
  readonly link: Link;
}

function keptPins(world: Case): KeptPin[] {
  return world.view.ledgers.flatMap(({ log, kept }) => {
    return pinsOf(world, world.graph.logOf(log)).flatMap((pin): KeptPin[] => {
      const link = kept[pin.seq - 1];
      return link !== undefined && link.id === pin.id ? [{ log, pin, link }] : [];
    });
  });
}

/** While the link of a pin as senior is not here, this one waits, and a fork stops the ledger below it. */
function isOpen(world: Case, log: string, pin: PlacedPin): boolean {
  return pinsOf(world, world.graph.logOf(log)).some(({ rank, id }) => rank <= pin.rank && !world.graph.links.has(id));
}

/** Whether acts alone, which nobody ever drops, tell that the pin may hold no more. */
function isAccountedFor(world: Case, log: string, pin: PlacedPin): boolean {
  const owner = world.graph.logOf(log);
  if (!world.view.authority.known.has(log) || !hasEffect(world, { id: pin.by })) return true;
  const cuts = cutters(world, owner);
  const pins = pinsOf(world, owner);
  if (cuts.some((cut) => !world.graph.past(cut).has(pin.by))) return true;
  return pins.some((other) => other.by !== pin.by && other.rank <= pin.rank && other.id !== pin.id);
}
