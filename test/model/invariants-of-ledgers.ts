import type { Case } from "./case.ts";
import { type Link, type LogId, type Pin, isLink } from "./history.ts";
import {
  cutters,
  differs,
  first,
  type Invariant,
  keptOf,
  namedSomewhere,
  nodeLines,
  operatorLines,
  pinsOf,
} from "./observations.ts";
import { picture } from "./describe.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

export const LEDGER_INVARIANTS: readonly Invariant[] = [
  {
    id: "I11",
    says: "kept ledger = prefix; a fork only shortens it, never below a pin, never sideways; a cut author cannot move its own history; the way out of a fork is a checkpoint pin by the author's own admin log or a senior, or a cut (§7)",
    broken: (world) => {
      const byOthers = selectedByOthers(world);
      if (byOthers !== null) return byOthers;
      return first(world.view.ledgers, ({ log }) => {
        return torn(keptOf(world, log)) ?? moved(world, log) ?? unpinned(world, log) ?? cutBelowPin(world, log);
      });
    },
  },
  {
    id: "I12",
    says: "adding ledger entries changes no authority result",
    broken: (world) => {
      const result = (of: Case) => [...operatorLines(of), ...nodeLines(of.view), ...of.view.authority.known];
      return first(world.last.filter(isLink), ({ id }) => differs(result(world.without(id)), result(world), id));
    },
  },
  {
    id: "I13",
    says: "every path has one winner, independent of order; no superseded write wins",
    broken: ({ view }) => {
      const links = view.ledgers.flatMap(({ kept }) => kept);
      const writes = links.flatMap((link) => link.writes.map((write) => ({ ...write, link })));
      return first(new Set(writes.map(({ path }) => path)), (path) => {
        const at = writes.filter((write) => write.path === path);
        const [one, ...others] = view.paths.filter((winner) => winner.path === path);
        if (one === undefined || others.length > 0) return `${path} has not one winner`;
        const { link: by } = one.winner;
        const beaten = ({ id, log, seq }: Link) => {
          return at.some(({ over, link }) => over.includes(id) || (link.log === log && link.seq > seq));
        };
        if (beaten(by)) return `${by.id} wins at ${path} and is superseded`;
        const greater = at.find(({ link }) => {
          return !beaten(link) && (link.hlc > by.hlc || (link.hlc === by.hlc && link.log > by.log));
        });
        return greater === undefined ? null : `${by.id} wins at ${path} against the greater ${greater.link.id}`;
      });
    },
  },
  {
    id: "I14",
    says: "no view depends on a clock; a clock off by ±1 year delays or hides nothing",
    broken: (world) => {
      const shown = ({ view }: Case) => [
        ...picture({ ...view, paths: [] }),
        ...view.paths.map(({ path, winner, conflicts }) => {
          return `${path}: ${[winner, ...conflicts]
            .map(({ link }) => link.id)
            .sort()
            .join()}`;
        }),
      ];
      const logs = new Set(world.history.links.map(({ log }) => log));
      const shifts = [...logs].flatMap((log) => [YEAR_MS, -YEAR_MS].map((byMs) => ({ log, byMs })));
      return first(shifts, ({ log, byMs }) => {
        return differs(shown(world), shown(world.shiftClock(log, byMs)), `the clock of ${log} is off by ${byMs}`);
      });
    },
  },
  {
    id: "I19",
    says: "no destructive step is planned from a value that is missing because it is void",
    broken: ({ history, view }) => {
      const values = history.links.flatMap(({ writes }) => writes.filter(({ value }) => value !== null));
      return first(new Set(values.map(({ path }) => path)), (path) => {
        const said = view.paths.some((one) => one.path === path);
        return said || view.unadopted.has(path) ? null : `${path} would be destroyed, and no write that counts says so`;
      });
    },
  },
];

/** Whose checkpoint is neither the log's own nor a senior's moves nothing. */
function selectedByOthers(world: Case): string | null {
  const checkpoints = world.lastEntries.filter(({ body }) => body.t === "checkpoint");
  return first(checkpoints, ({ id, log: by }) => {
    const { rank } = world.graph.logOf(by);
    const others = world.view.ledgers.filter(({ log }) => log !== by && world.graph.logOf(log).rank <= rank);
    const kept = (of: Case) =>
      others.map(
        ({ log }) =>
          `${log} keeps ${keptOf(of, log)
            .map((link) => link.id)
            .join()}`,
      );
    return differs(kept(world.without(id)), kept(world), `${id} by ${by} of rank ${rank}`);
  });
}

function torn(kept: readonly Link[]): string | null {
  const gap = kept.find(({ seq, prev }, i) => seq !== i + 1 || prev !== (kept[i - 1]?.id ?? null));
  return gap === undefined ? null : `${gap.id} does not continue what is kept`;
}

/** What one more link does to what is kept. */
function moved(world: Case, log: LogId): string | null {
  const kept = keptOf(world, log);
  const isCut = cutters(world, world.graph.logOf(log)).length > 0;
  const own = world.last.filter(isLink).filter((link) => link.log === log);
  return first(own, ({ id, prev }) => {
    const before = keptOf(world.without(id), log);
    const common = before.filter((link, i) => kept[i]?.id === link.id).length;
    if (common < before.length && common < kept.length) return `${id} moves ${log} sideways`;
    const same = common === before.length && common === kept.length;
    if (isCut && !same && !namedSomewhere(world).has(id)) return `${id} moves what is kept of cut ${log}`;
    if (kept.length >= before.length) return null;
    const pins = pinsOf(world, world.graph.logOf(log));
    // Pins of equal rank that contradict each other leave their common prefix, whenever the second is found.
    const apart = (one: Pin, other: Pin) => !holds(world, log, one, other) && !holds(world, log, other, one);
    if (pins.some((one) => one.id === id && pins.some((other) => other.rank === one.rank && apart(one, other))))
      return null;
    const siblings = world.history.links.filter((link) => link.log === log && link.prev === prev);
    if (siblings.length < 2) return `${id} shortens ${log} and is no fork`;
    const below = pins.find((pin) => {
      const open = pins.some(({ rank, id: of }) => rank <= pin.rank && !world.graph.links.has(of));
      return !open && before.some((link) => link.id === pin.id) && !kept.some((link) => link.id === pin.id);
    });
    return below === undefined ? null : `${id} shortens ${log} below the pin of ${below.id}`;
  });
}

function holds({ graph }: Case, log: LogId, end: Pin, within: Pin): boolean {
  return graph.chain(end, log)?.some(({ id }) => id === within.id) ?? false;
}

/** "most senior rank first … a junior pin only extends a senior one": what the most senior pin holds is kept. */
function unpinned(world: Case, log: LogId): string | null {
  if (cutters(world, world.graph.logOf(log)).length > 0) return null;
  const pins = pinsOf(world, world.graph.logOf(log));
  const senior = Math.min(...pins.map(({ rank }) => rank));
  return lacks(
    world,
    log,
    pins.filter(({ rank }) => rank === senior),
  );
}

/** §8: a cut keeps what pins of rank ≤ 1 hold that it knew. */
function cutBelowPin(world: Case, log: LogId): string | null {
  const cuts = cutters(world, world.graph.logOf(log));
  const pins = pinsOf(world, world.graph.logOf(log)).filter(({ rank }) => rank <= 1);
  const known = pins.filter(({ by }) => cuts.every((cut) => world.graph.past(cut).has(by)));
  // One that contradicts them, and that only some of the cuts knew, may leave less.
  return cuts.length === 0 || known.length < pins.length ? null : lacks(world, log, known);
}

/** Of pins that are all here and lie on one chain, the first that is not kept. */
function lacks(world: Case, log: LogId, pins: readonly Pin[]): string | null {
  const furthest = pins.reduce<Pin | null>((a, b) => (a === null || b.seq > a.seq ? b : a), null);
  if (furthest === null || !pins.every((pin) => holds(world, log, furthest, pin))) return null;
  const lost = pins.find(({ id }) => !keptOf(world, log).some((link) => link.id === id));
  return lost === undefined ? null : `${log} lacks ${lost.id}, which is pinned`;
}
