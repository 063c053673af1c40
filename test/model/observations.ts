import type { Case } from "./case.ts";
import type { Log } from "./graph.ts";
import { type Entry, type Id, type Keep, type Link, type LogId, type Pin, isLink, type Item } from "./history.ts";
import type { Node } from "./nodes.ts";
import type { View } from "./view.ts";

export interface Invariant {
  readonly id: string;
  readonly says: string;
  /** What is wrong; `null` if nothing is. */
  readonly broken: (world: Case) => string | null;
}

/** The first that is wrong among many. */
export function first<T>(of: Iterable<T>, broken: (one: T) => string | null): string | null {
  for (const one of of) {
    const found = broken(one);
    if (found !== null) return found;
  }
  return null;
}

export function differs(one: readonly string[], other: readonly string[], what: string): string | null {
  const gone = one.filter((line) => !other.includes(line)).map((line) => `- ${line}`);
  const come = other.filter((line) => !one.includes(line)).map((line) => `+ ${line}`);
  return gone.length + come.length === 0 ? null : [what, ...gone, ...come].join("\n");
}

/*
 * What invariants need of the rules is stated here again, in other words than the model's, so that a rule that is wrong
 * cannot be its own judge.
 */

export function hasEffect({ view }: Case, { id }: { readonly id: Id }): boolean {
  return view.authority.effective.has(id);
}

/** Effective cuts by strict seniors of the log, that name it or that its opening does not know. */
export function cutters(world: Case, log: Log): Entry<"cut">[] {
  return world.graph.of("cut").filter((cut) => {
    if (cut.body.key !== log.key || !hasEffect(world, cut)) return false;
    return world.graph.logOf(cut.log).rank < log.rank && reaches(world, cut, log);
  });
}

/** The same for roles that are taken. */
export function takers(world: Case, log: Log): (Entry<"cut"> | Entry<"unrole">)[] {
  const unroles = world.graph.of("unrole").filter((unrole) => {
    const { node, label } = unrole.body;
    return (
      node === log.role?.node && label === log.role.label && hasEffect(world, unrole) && reaches(world, unrole, log)
    );
  });
  return [...cutters(world, log), ...unroles];
}

function reaches({ graph }: Case, removal: Entry<"cut"> | Entry<"unrole">, log: Log): boolean {
  return keepOf(removal, log.id) !== undefined || !graph.past(log.opening).has(removal.id);
}

function keepOf({ body }: { readonly body: { readonly keeps: readonly Keep[] } }, log: LogId): Keep | undefined {
  return body.keeps.find((keep) => keep.log === log);
}

/** Everything that some frontier or pin names: its arrival says what its past is. */
export function namedSomewhere({ history }: Case): ReadonlySet<Id> {
  const ids = history.entries.flatMap(({ body }): Id[] => {
    if (body.t === "checkpoint") return body.pins.map(({ id }) => id);
    if (body.t !== "cut" && body.t !== "unrole") return [];
    return body.keeps.flatMap(({ a, l }) => [...(a ?? []), ...(l === null ? [] : [l.id])]);
  });
  return new Set(ids);
}

/** Outside of what some effective removal keeps of its log. */
export function isVoid(world: Case, item: Item): boolean {
  const { graph } = world;
  const log = graph.logOf(item.log);
  if (isLink(item)) {
    return cutters(world, log).some((cut) => {
      const known = pinsOf(world, log).filter(({ by, rank }) => rank <= 1 && graph.past(cut).has(by));
      const ends = [keepOf(cut, log.id)?.l ?? null, ...known];
      return !ends.some((end) => end !== null && graph.chain(end, log.id)?.some(({ id }) => id === item.id));
    });
  }
  return takers(world, log).some((removal) => {
    const tips = keepOf(removal, log.id)?.a ?? [];
    return !tips.some((id) => {
      const tip = graph.byId.get(id);
      return id === item.id || (tip !== undefined && graph.past(tip).has(item.id));
    });
  });
}

export interface PlacedPin extends Pin {
  readonly by: Id;
  readonly rank: number;
}

/** Pins of a ledger by effective checkpoints of its own log or of seniors. */
export function pinsOf(world: Case, log: Log): PlacedPin[] {
  return world.graph.of("checkpoint").flatMap((checkpoint): PlacedPin[] => {
    const { rank } = world.graph.logOf(checkpoint.log);
    if (!hasEffect(world, checkpoint) || (checkpoint.log !== log.id && rank >= log.rank)) return [];
    const pins = checkpoint.body.pins.filter((pin) => pin.log === log.id);
    return pins.map(({ seq, id }) => ({ seq, id, by: checkpoint.id, rank }));
  });
}

export function keptOf({ view }: Case, log: LogId): readonly Link[] {
  return view.ledgers.find((ledger) => ledger.log === log)?.kept ?? [];
}

export const isActive = ({ state }: Node): boolean => state === "active";
export const isOwner = ({ state, naming }: Node): boolean => state === "active" && naming === "owned";

/** Effects and live logs of operators, but for the effect of `except`. */
export function operatorLines(world: Case, except: Id | null = null): string[] {
  const effective = world.history.entries.filter((entry) => {
    return entry.id !== except && hasEffect(world, entry) && world.graph.logs.get(entry.log)?.kind === "operator";
  });
  const live = world.view.operators.filter((operator) => operator.live);
  return [...effective.map(({ id }) => `${id} has effect`), ...live.map(({ log }) => `${log} is live`)];
}

/** What nodes can have. */
export function nodeLines({ nodes }: Pick<View, "nodes">): string[] {
  return nodes.flatMap((node) => [
    ...(isActive(node) ? [`${node.log} is active`] : []),
    ...(isOwner(node) ? [`${node.log} owns ${node.name}`] : []),
    ...node.roles.map((label) => `${node.log} is ${label}`),
  ]);
}

/** The smallest rank of an effective operator entry that knows node x and not node y; infinite if there is none. */
export function seenAlone(world: Case, x: LogId, y: LogId): number {
  const { graph } = world;
  const openers = (node: LogId) => graph.logs.get(node)?.openers.filter((opener) => hasEffect(world, opener)) ?? [];
  const ranks = world.history.entries.map((entry) => {
    const log = graph.logs.get(entry.log);
    if (log?.kind !== "operator" || !hasEffect(world, entry)) return Infinity;
    const known = (node: LogId) => openers(node).some(({ id }) => id === entry.id || graph.past(entry).has(id));
    return known(x) && !known(y) ? log.rank : Infinity;
  });
  return Math.min(...ranks);
}
