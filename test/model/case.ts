import { Peer } from "./door.ts";
import { Graph, type Log, type NameLog, plainNames } from "./graph.ts";
import { type Entry, type History, type Id, type LogId, isLink, type Item } from "./history.ts";
import { resolve, type View } from "./view.ts";

/** A history with what it means, and the histories around it that an invariant compares it to. */
export class Case {
  readonly history: History;
  /** How many entries were there before anything was explored. */
  readonly started: number;
  readonly nameLog: NameLog;
  readonly graph: Graph;
  #view: View | null = null;
  readonly #without = new Map<Id, Case>();

  constructor(history: History, started = 1, nameLog: NameLog = plainNames) {
    this.history = history;
    this.started = started;
    this.nameLog = nameLog;
    this.graph = new Graph(history, nameLog);
  }

  get view(): View {
    this.#view ??= resolve(this.graph);
    return this.#view;
  }

  /** What arrived since the exploration began, and a peer that has what was there before. */
  get arrived(): Item[] {
    return [...this.history.entries.slice(this.started), ...this.history.links];
  }

  peer(): Peer {
    return new Peer({ entries: this.history.entries.slice(0, this.started), links: [] }, this.nameLog);
  }

  /** What nothing else builds on: any of it could be the last that arrived. */
  get last(): Item[] {
    const { entries, links } = this.history;
    const built = new Set<Id | null>([...entries.flatMap(({ parents }) => parents), ...links.map(({ prev }) => prev)]);
    // Of several redemptions by one key any other opens the log as well.
    const used = this.#used(({ openers }) => openers.length === 1);
    return [...entries.slice(this.started), ...links].filter(({ id }) => !built.has(id) && !used.has(id));
  }

  /** Entries without which a log that is written to or spoken of would not be open, of such logs. */
  #used(such: (log: Log) => boolean): ReadonlySet<Id> {
    const { entries, links } = this.history;
    const logs = new Set([...entries, ...links].map(({ log }) => log));
    for (const { body } of entries) if (body.t === "role" || body.t === "unrole") logs.add(body.node);
    const openers = [...this.graph.logs.values()]
      .filter((log) => logs.has(log.id) && such(log))
      .flatMap((log) => log.openers);
    return new Set([...openers.map(({ id }) => id), ...this.graph.of("redeem").map(({ body }) => body.token)]);
  }

  get lastEntries(): Entry[] {
    return this.last.filter((item) => !isLink(item)) as Entry[];
  }

  /** The same before `id` arrived. */
  without(id: Id): Case {
    let known = this.#without.get(id);
    if (known === undefined) {
      known = this.#with({
        entries: this.history.entries.filter((entry) => entry.id !== id),
        links: this.history.links.filter((link) => link.id !== id),
      });
      this.#without.set(id, known);
    }
    return known;
  }

  /** The same if this last entry had been written with knowledge of everything else. */
  knowingAll(entry: Entry): Case {
    const before = this.without(entry.id);
    const parents = before.heads();
    const entries = [...before.history.entries, { ...entry, parents }];
    return this.#with({ entries, links: this.history.links });
  }

  /** The same if somebody had said something else. */
  replacing(item: Item): Case {
    const { entries, links } = this.history;
    if (isLink(item)) return this.#with({ entries, links: links.map((one) => (one.id === item.id ? item : one)) });
    return this.#with({ entries: entries.map((one) => (one.id === item.id ? item : one)), links });
  }

  /** The same without an entry in the middle, what it knew being known by what builds on it; `null` if that needs it. */
  bypassing({ id, parents }: Entry): Case | null {
    if (this.#used(() => true).has(id)) return null;
    const others = this.history.entries.filter((entry) => entry.id !== id);
    const entries = others.map((entry) => {
      const known = new Set(entry.parents.flatMap((parent) => (parent === id ? parents : [parent])));
      const needed = [...known].filter((one) => {
        return ![...known].some((other) => this.graph.past(this.graph.entry(other)).has(one));
      });
      return { ...entry, parents: needed };
    });
    return this.#with({ entries, links: this.history.links });
  }

  /** Entries without successor. */
  heads(): Id[] {
    const built = new Set(this.history.entries.flatMap(({ parents }) => parents));
    return this.history.entries.map(({ id }) => id).filter((id) => !built.has(id));
  }

  knowsAll(entry: Entry): boolean {
    return this.graph.past(entry).size === this.history.entries.length - 1;
  }

  /** The same if one writer's clock had been off. */
  shiftClock(log: LogId, byMs: number): Case {
    const links = this.history.links.map((link) => (link.log === log ? { ...link, hlc: link.hlc + byMs } : link));
    return this.#with({ entries: this.history.entries, links });
  }

  #with(history: History): Case {
    return new Case(history, this.started, this.nameLog);
  }
}
