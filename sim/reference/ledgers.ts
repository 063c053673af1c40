import { type Authority, keepOf, type Log } from "./authority.ts";
import type { Act, Link, Pin } from "./decode.ts";

/** What stands at a path: the winner, and who else. */
export interface Standing {
  /** Undefined for a removal. */
  readonly value: unknown;
  /** Hash of the entry that says so; null for what came with a token. */
  readonly entry: string | null;
  readonly isContested: boolean;
}

interface Write {
  readonly link: Link;
  readonly value: unknown;
  readonly over: readonly string[];
}

/** docs/protocol/ledgers.md, "What counts" and "Fold". */
export class Ledgers {
  /** Links that count, by log. */
  readonly kept = new Map<string, readonly Link[]>();
  readonly paths = new Map<string, Standing>();
  readonly #authority: Authority;
  readonly #links: ReadonlyMap<string, Link>;
  readonly #after: ReadonlyMap<string, readonly Link[]>;

  constructor(authority: Authority, links: Iterable<Link>) {
    this.#authority = authority;
    const desired = [...links].filter((link) => link.class === 1 && authority.logs.get(link.log)?.key === link.key);
    this.#links = new Map(desired.map((link) => [link.id, link]));
    this.#after = Map.groupBy(desired, ({ prev, log }) => prev ?? log);
    for (const log of authority.logs.values()) {
      if (log.kind !== "operator" || !log.rights.includes("ops") || !authority.known.has(log.id)) continue;
      const counts = this.#counting(log);
      const last = counts.findLastIndex(({ more }) => more === 0);
      if (last >= 0) this.kept.set(log.id, counts.slice(0, last + 1));
    }
    this.#fold();
  }

  /** Two links of this ledger follow one. */
  isForked(log: string): boolean {
    return [...this.#after].some(([, next]) => next.length > 1 && next[0]?.log === log);
  }

  #counting(log: Log): readonly Link[] {
    const cuts = this.#authority.cutsOf(log);
    if (cuts.length > 0) return shared(cuts.map((cut) => this.#leftBy(cut, log)));
    const { chain, end } = this.#pinned(log, this.#authority.of("checkpoint"));
    const counts = [...chain];
    while (counts.length < end) {
      const next = this.#after.get(counts.at(-1)?.id ?? log.id) ?? [];
      if (next.length !== 1) break;
      counts.push(next[0] as Link);
    }
    return counts;
  }

  /** "Cuts and pins": what the cut names, and at least where the pins lead that it knows. */
  #leftBy(cut: Act, log: Log): readonly Link[] {
    const past = this.#authority.past(cut.id);
    const seen = this.#authority.of("checkpoint").filter((act) => past.has(act.id) && this.#authority.rankOf(act) <= 1);
    const { chain, end } = this.#pinned(log, seen);
    const named = keepOf(cut, log.id)?.l;
    const left = named ? this.#upTo({ ...named, log: log.id }) : null;
    return left !== null && end === Number.POSITIVE_INFINITY && goesOnFrom(left, chain) ? left : chain;
  }

  /** "Pins": where they lead, and how many links can count at most. */
  #pinned(log: Log, checkpoints: readonly Act[]): { readonly chain: readonly Link[]; readonly end: number } {
    const heard = checkpoints.filter((act) => act.log === log.id || this.#authority.rankOf(act) < log.rank);
    const byRank = [...Map.groupBy(heard, (act) => this.#authority.rankOf(act))].sort(([a], [b]) => a - b);
    let chain: readonly Link[] = [];
    for (const [, acts] of byRank) {
      const senior = chain;
      const pins = acts.flatMap(({ body }) => body.pins).filter((pin) => pin.log === log.id);
      const equals = pins.filter(({ seq }) => seq > senior.length);
      const missing = equals.filter((pin) => this.#upTo(pin) === null).map(({ seq }) => seq - 1);
      const found = equals.map((pin) => this.#upTo(pin)).filter((one) => one !== null);
      const chains = found.filter((one) => goesOnFrom(one, senior));
      chain = chains.reduce((a, b) => (b.length > a.length ? b : a), senior);
      const split = chains.every((one) => goesOnFrom(chain, one)) ? [] : [shared(chains).length];
      const end = Math.min(Number.POSITIVE_INFINITY, ...missing, ...split);
      if (end < Number.POSITIVE_INFINITY) return { chain: chain.slice(0, end), end };
    }
    return { chain, end: Number.POSITIVE_INFINITY };
  }

  /** The chain that ends with the link that a pin names; null if that is not here, or has another number. */
  #upTo({ hash, seq, log }: Pin): Link[] | null {
    const chain: Link[] = [];
    for (let at = this.#links.get(hash); at !== undefined; at = this.#links.get(at.prev ?? "")) chain.unshift(at);
    return chain.length === seq && chain[0]?.prev === null && chain[0].log === log ? chain : null;
  }

  #fold(): void {
    const byPath = new Map<string, Write[]>();
    for (const links of this.kept.values()) {
      const places = new Map<number, string>();
      for (const link of links) {
        for (const { clock, at, value, over } of link.items) {
          const path = typeof at === "string" ? at : (places.get(at) ?? "?");
          places.set(clock, path);
          byPath.set(path, [...(byPath.get(path) ?? []), { link, value, over }]);
        }
      }
    }
    for (const [path, writes] of byPath) this.paths.set(path, standing(writes));
    for (const { id, token } of this.#authority.nodes.values()) {
      if (token === null) continue;
      const given = token.labels.map((label): [string, unknown] => [`label/${label}`, true]);
      const attributes = Object.entries(token.attributes).map(([name, value]) => [`attribute/${name}`, value]);
      for (const [what, value] of [...given, ...attributes]) {
        const path = `server/${id}/${what}`;
        if (!this.paths.has(path)) this.paths.set(path, { value, entry: null, isContested: false });
      }
    }
  }
}

function standing(writes: readonly Write[]): Standing {
  const last = new Map(writes.map((write) => [write.link.log, write]));
  const superseded = new Set(writes.flatMap(({ over }) => over));
  const [winner, ...others] = [...last.values()]
    .filter(({ link }) => !superseded.has(link.id))
    .sort(({ link: a }, { link: b }) => b.hlc[0] - a.hlc[0] || b.hlc[1] - a.hlc[1] || (a.log < b.log ? 1 : -1));
  const isContested = others.some(({ value }) => JSON.stringify(value) !== JSON.stringify(winner?.value));
  return { value: winner?.value, entry: winner?.link.id ?? null, isContested };
}

function goesOnFrom(chain: readonly Link[], from: readonly Link[]): boolean {
  return from.every((link, i) => chain[i]?.id === link.id);
}

/** The links with which all of them begin. */
function shared(chains: readonly (readonly Link[])[]): readonly Link[] {
  const [first = [], ...others] = chains;
  const length = first.findIndex((link, i) => others.some((chain) => chain[i]?.id !== link.id));
  return length < 0 ? first : first.slice(0, length);
}
