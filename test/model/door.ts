import { type Authority, cutsOf, isKept, resolveAuthority } from "./authority.ts";
import { Graph, type NameLog, plainNames } from "./graph.ts";
import { isLink, type Entry, type History, type Id, type Item, type Key } from "./history.ts";
import { keptBy } from "./ledgers.ts";
import { resolve, type View } from "./view.ts";

/**
 * What one peer stores, as `trust.md` §3 has it. Steps 1, 2, 3, 5 and 6 are about bytes and forms, which this model has
 * none of; left are 4 (park what is not complete), 7 (refuse what is void) and who may connect.
 */
export class Peer {
  readonly graph: Graph;
  #authority: Authority;
  readonly #parked = new Map<Id, Item>();

  constructor(stored: History = { entries: [], links: [] }, nameLog: NameLog = plainNames) {
    this.graph = new Graph(stored, nameLog);
    this.#authority = resolveAuthority(this.graph);
  }

  has(id: Id): boolean {
    return this.graph.byId.has(id) || this.graph.links.has(id);
  }

  /** Somebody brings an item. Whatever becomes of it, it may be brought again: peers ask each other for what they lack. */
  offer(item: Item): void {
    if (this.has(item.id)) return;
    this.#parked.set(item.id, item);
    for (let before = ""; before !== this.#progress; ) {
      before = this.#progress;
      for (const parked of [...this.#parked.values()]) this.#settle(parked);
    }
  }

  /** Anti-entropy with somebody who has all of this, until there is nothing left to take. */
  learn(items: readonly Item[]): void {
    for (let before = ""; before !== this.#progress; ) {
      before = this.#progress;
      for (const item of items) this.offer(item);
    }
  }

  get #progress(): string {
    return `${this.graph.byId.size} ${this.graph.links.size} ${this.#parked.size}`;
  }

  /** "The opening entry and all `parents` (authority) or `prev` (ledger) present, else park" */
  #settle(item: Item): void {
    if (!this.graph.logs.has(item.log) && !isGenesis(item)) return;
    if (!prerequisites(item).every((id) => this.has(id))) return;
    this.#parked.delete(item.id);
    if (this.#isVoid(item) && !this.#isNeeded(item.id)) return;
    this.graph.add(item);
    if (!isLink(item)) this.#authority = resolveAuthority(this.graph);
  }

  /** "already void by a known cut" */
  #isVoid(item: Item): boolean {
    const log = this.graph.logs.get(item.log);
    if (log === undefined) return false;
    if (!isLink(item)) return !isKept(this.graph, this.#authority, item);
    const cuts = cutsOf(this.graph, this.#authority, log);
    return cuts.some((cut) => !keptBy(this.graph, this.#authority, cut, log).some(({ id }) => id === item.id));
  }

  /**
   * "unless a stored entry needs it as parent": what needs a parent is not stored yet, but parked, and is not void itself
   * or is needed in its turn. A stored removal or checkpoint needs what it names: without it, its frontier is unknown.
   */
  #isNeeded(id: Id): boolean {
    if (this.graph.history.entries.some((entry) => frontiersOf(entry).includes(id))) return true;
    return [...this.#parked.values()].some((parked) => {
      return prerequisites(parked).includes(id) && (!this.#isVoid(parked) || this.#isNeeded(parked.id));
    });
  }

  /**
   * "From the moment a cut's signature is verified against a live senior log, connections of that key are refused, even
   * while its parents are still fetched."
   */
  mayConnect(key: Key): boolean {
    const logs = [...this.graph.logs.values()].filter((log) => log.key === key && this.#authority.known.has(log.id));
    const live = logs.filter((log) => cutsOf(this.graph, this.#authority, log).length === 0);
    const parked = [...this.#parked.values()].filter(isCut).filter((cut) => cut.body.key === key);
    return live.some(({ rank }) => {
      return !parked.some((cut) => {
        const writer = this.graph.logs.get(cut.log);
        if (writer === undefined || writer.need > 1 || !this.#authority.known.has(writer.id)) return false;
        return writer.rank < rank && cutsOf(this.graph, this.#authority, writer).length === 0;
      });
    });
  }

  /** "A store never answers with a view that lacks entries the requester named" (I18): `null` says that it asks for them. */
  answer(named: readonly Id[]): View | null {
    return named.every((id) => this.has(id)) ? resolve(this.graph) : null;
  }
}

function isGenesis(item: Item): boolean {
  return !isLink(item) && item.body.t === "genesis";
}

function isCut(item: Item): item is Entry<"cut"> {
  return !isLink(item) && item.body.t === "cut";
}

function prerequisites(item: Item): readonly Id[] {
  if (!isLink(item)) return item.parents;
  return item.prev === null ? [] : [item.prev];
}

function frontiersOf({ body }: Entry): Id[] {
  if (body.t === "checkpoint") return body.pins.map(({ id }) => id);
  if (body.t !== "cut" && body.t !== "unrole") return [];
  return body.keeps.flatMap(({ a, l }) => [...(a ?? []), ...(l === null ? [] : [l.id])]);
}
