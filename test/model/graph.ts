import {
  isLink,
  type Entry,
  type History,
  type Id,
  type Item,
  type Key,
  type Link,
  type LogId,
  type Pin,
  type Right,
  type Type,
} from "./history.ts";

/** "A log has one writer, one rank, one set of rights and classes, fixed for its life by the entry that opened it." */
export interface Log {
  readonly id: LogId;
  readonly kind: "operator" | "node" | "role";
  readonly key: Key;
  /** Infinite for nodes and their roles: "below all operators". */
  readonly rank: number;
  readonly rights: readonly Right[];
  readonly need: number;
  /** What stands as its opening entry: of a redeemed log the token. */
  readonly opening: Entry;
  /** Whose effect makes the log known; several if one key redeemed a token several times. */
  readonly openers: readonly Entry[];
  /** Of a role log. */
  readonly role: { readonly node: LogId; readonly label: string } | null;
}

/** "`log = hash(opening entry)`"; where one entry opens several logs, of what tells them apart, too. */
export type NameLog = (kind: "root" | "founder" | "redeem", opening: Id, key: Key, label?: string) => LogId;

export const plainNames: NameLog = (kind, opening, key, label) => {
  if (kind !== "redeem") return `${kind}:${key}`;
  return label === undefined ? `${opening}/${key}` : `${opening}/${key}/${label}`;
};

/** A set of entries with what can be read off it without deciding anything. */
export class Graph {
  readonly byId = new Map<Id, Entry>();
  readonly links = new Map<Id, Link>();
  readonly logs = new Map<LogId, Log>();
  readonly nameLog: NameLog;
  readonly #history: { readonly entries: Entry[]; readonly links: Link[] } = { entries: [], links: [] };
  readonly #past = new Map<Id, ReadonlySet<Id>>();
  readonly #byType = new Map<Type, Entry[]>();

  /** Entries stand after what they build on. */
  constructor(history: History, nameLog: NameLog = plainNames) {
    this.nameLog = nameLog;
    for (const item of [...history.entries, ...history.links]) this.add(item);
  }

  get history(): History {
    return this.#history;
  }

  add(item: Item): void {
    if (isLink(item)) {
      this.links.set(item.id, item);
      this.#history.links.push(item);
      return;
    }
    this.byId.set(item.id, item);
    this.#history.entries.push(item);
    this.#byType.set(item.body.t, [...this.of(item.body.t), item]);
    for (const log of this.#opens(item)) {
      const openers = [...(this.logs.get(log.id)?.openers ?? []), item];
      this.logs.set(log.id, { ...log, openers });
    }
  }

  of<T extends Type>(type: T): Entry<T>[] {
    return (this.#byType.get(type) ?? []) as Entry<T>[];
  }

  logOf(id: LogId): Log {
    return present(this.logs.get(id), id);
  }

  entry(id: Id): Entry {
    return present(this.byId.get(id), id);
  }

  /** `past(e)`: "all ancestors of e through parents and opening entries". */
  past(entry: Entry): ReadonlySet<Id> {
    const known = this.#past.get(entry.id);
    if (known !== undefined) return known;
    const opening = entry.body.t === "genesis" ? [] : [this.logOf(entry.log).opening.id];
    const nearest = [...entry.parents, ...opening];
    const past = new Set([...nearest, ...nearest.flatMap((id) => [...this.past(this.entry(id))])]);
    this.#past.set(entry.id, past);
    return past;
  }

  /** The chain that ends in a link, first link first; `null` if the link is not here. */
  chain(end: Pin, log: LogId): readonly Link[] | null {
    const last = this.links.get(end.id);
    if (last === undefined || last.log !== log || last.seq !== end.seq) return null;
    const before = last.prev === null ? [] : this.chain({ seq: last.seq - 1, id: last.prev }, log);
    return [...present(before, last.prev), last];
  }

  /** The last column of the table in §2. */
  #opens(entry: Entry): Log[] {
    const { body } = entry;
    const log = { rank: Infinity, rights: [], need: 1, opening: entry, openers: [], role: null };
    switch (body.t) {
      case "genesis": {
        const open = (
          kind: "root" | "founder",
          rank: number,
          key: Key,
          rights: readonly Right[],
          need: number,
        ): Log => {
          return { ...log, kind: "operator", id: this.nameLog(kind, entry.id, key), key, rank, rights, need };
        };
        return [
          ...body.root.keys.map((key) => open("root", 0, key, ["admin", "ops"], body.root.k)),
          ...body.founders.map(({ key, rights, need }) => open("founder", 1, key, rights, need)),
        ];
      }
      case "grant":
        return [{ ...log, ...body, kind: "operator", id: entry.id }];
      case "enrol":
        return [{ ...log, kind: "node", id: entry.id, key: body.key }];
      case "redeem": {
        const { token, key } = body;
        const redeemed = { ...log, key, opening: this.entry(token) };
        const node = this.nameLog("redeem", token, key);
        const labels = (this.entry(token) as Entry<"token">).body.roles;
        const roles = labels.map((label): Log => {
          return { ...redeemed, kind: "role", id: this.nameLog("redeem", token, key, label), role: { node, label } };
        });
        return [{ ...redeemed, kind: "node", id: node }, ...roles];
      }
      case "role": {
        const { node, label } = body;
        return [{ ...log, kind: "role", id: entry.id, key: this.logOf(node).key, role: { node, label } }];
      }
      default:
        return [];
    }
  }
}

function present<T>(found: T | null | undefined, id: Id | null): T {
  if (found === undefined || found === null) throw new Error(`${id} is not here`);
  return found;
}
