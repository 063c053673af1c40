import { fromHex } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority } from "./authority/resolve.ts";
import { Chain, chainId, completeBatches } from "./chain.ts";
import { currentWrites } from "./checkpoint.ts";
import { type ChainHeader, CLASS_DESIRED, CLASS_GENERATED, type Entry, isAuthority, isChain } from "./entry/entry.ts";
import { type KeptLedger, ledgerBounds } from "./prefix.ts";
import { chainIdOf } from "./store/base-record.ts";
import type { EntryStore, StoredBase } from "./store/entry-store.ts";

/** Acts that say nothing about how far a ledger counts; every other may. */
const BOUNDLESS: ReadonlySet<string> = new Set(["enrol", "token", "redeem", "role", "unrole"]);
/** So many links are read in a tenth of a second: a base of its own costs less from there on. */
const SUMMED_FROM = 2_000;

/** The latest links may still be told by gossip: one below the base would make the whole ledger be read. */
const STILL_UNDER_WAY = 64;

/** By ledger, ids of the acts that decide how far it counts. Other chains have none. */
type Bounds = ReadonlyMap<string, readonly string[]>;

/** A chain that was read from its first link on. */
interface Whole {
  readonly chain: Chain;
  /** Keys of records that cannot be read. */
  readonly damaged: readonly string[];
  /** Entries that what is missing keeps out. */
  readonly lost: readonly Entry<ChainHeader>[];
}

/** What long chains have come to, on disk, so that a start need not read them from their first link on. */
export class Bases {
  readonly #keys: Pick<Keys, "hash">;
  readonly #store: EntryStore;
  /** Number of the link that a chain's base ends with. */
  readonly #summed = new Map<string, number>();

  constructor(keys: Pick<Keys, "hash">, store: EntryStore) {
    this.#keys = keys;
    this.#store = store;
  }

  /** A chain from its base on, which ends with this entry. */
  begin({ base, letGo }: StoredBase, entry: Entry<ChainHeader>): Chain {
    const { log, key, class: chainClass, seq } = entry.header;
    const chain = new Chain(this.#keys, log, chainClass, recurringHex(key), { ...base, entry }, letGo);
    this.#summed.set(chainId(chain.log, chainClass), seq);
    return chain;
  }

  /** Writes those that would spare the next start something. */
  async write(
    chains: Iterable<Chain>,
    ledgers: ReadonlyMap<string, KeptLedger>,
    bounds: Bounds,
    linksAtLeast = SUMMED_FROM,
  ): Promise<void> {
    for (const chain of chains) {
      const { log, class: chainClass, main, shape } = chain;
      // What a cut or a fork made of it may change with the next entry.
      if (shape === "forked" || (chainClass === CLASS_DESIRED && !countsWhole(chain, ledgers.get(log)))) continue;
      // Few links, and the role labels that bound it come and go.
      if (chainClass === CLASS_GENERATED) continue;
      const summed = completeBatches(main.slice(0, main.length - Math.min(STILL_UNDER_WAY, linksAtLeast >> 1)));
      const last = summed.at(-1);
      const id = chainId(log, chainClass);
      if (last === undefined || last.entry.header.seq - (this.#summed.get(id) ?? 0) <= linksAtLeast) continue;
      const base = { bounds: bounds.get(id) ?? [], next: last.end, writes: currentWrites(summed) };
      await this.#store.writeBase(last.entry, base);
      this.#summed.set(id, last.entry.header.seq);
    }
  }

  /** Those below whose base something is missing or damaged. */
  async brokenBelow(chains: Iterable<Chain>): Promise<ReadonlySet<Chain>> {
    const broken = new Set<Chain>();
    for (const chain of [...chains].filter(({ unread }) => unread > 0)) {
      const { entries, damaged } = await this.#store.chain(chain);
      if (damaged.length > 0 || entries.length < chain.unread + 1) broken.add(chain);
    }
    return broken;
  }

  /** What came before is gone: a base that ends there is none any more. */
  letGo({ header: { log, class: chainClass, seq } }: Entry<ChainHeader>): void {
    const id = chainId(recurringHex(log), chainClass);
    if ((this.#summed.get(id) ?? seq) < seq) this.#summed.delete(id);
  }

  /** What of a chain is on the disk. */
  async read(
    chain: Chain,
    parse: (bytes: Uint8Array) => Entry | string,
  ): Promise<{ readonly entries: readonly Entry<ChainHeader>[]; readonly damaged: readonly string[] }> {
    const { entries, damaged } = await this.#store.chain(chain);
    const parsed = entries.map(({ bytes }) => parse(bytes)).filter((entry) => typeof entry !== "string");
    return { entries: parsed.filter(isChain), damaged };
  }

  /** `stated` is the chain at the state with which it begins, if it does. */
  async readWhole(known: Chain, stated: Chain | null, parse: (bytes: Uint8Array) => Entry | string): Promise<Whole> {
    const { entries, damaged } = await this.read(known, parse);
    // What is not on the disk yet, because that takes no more, is in the chain that was read from its base on.
    const all = [...entries, ...known.links().map(({ entry }) => entry)];
    const [first] = all;
    const trimmed = known.letGo > 0 && first !== undefined ? Chain.beginningWith(this.#keys, first) : null;
    const chain = stated ?? trimmed ?? new Chain(this.#keys, fromHex(known.log) as Uint8Array, known.class, known.key);
    const lost: Entry<ChainHeader>[] = [];
    for (const entry of all) if (chain.add(entry).state === "waiting") lost.push(entry);
    // What made it necessary may have made the base worthless as well.
    this.#summed.delete(chainId(known.log, known.class));
    this.#store.discount(damaged);
    for (const entry of lost) this.#store.unplaced(entry);
    // Where nothing can be written the base stays, and the next start finds the same.
    if (damaged.length + lost.length > 0) {
      await this.#store.removeBase(known.log, known.class).catch(() => undefined);
    }
    return { chain, damaged, lost };
  }
}

export function boundsOf(graph: AuthorityGraph, authority: Authority): Bounds {
  const idOf = ({ index }: { readonly index: number }) => graph.at(index).entry.id;
  return new Map(
    ledgerBounds(authority).map(({ log, class: chainClass, cuts, pins }) => {
      return [chainId(log, chainClass), [...cuts, ...pins.map(({ checkpoint }) => checkpoint)].map(idOf).sort()];
    }),
  );
}

/** Whether a chain's base was made when other acts bounded it. */
export function isOutdated(bases: readonly StoredBase[], bounds: Bounds): (chain: Chain) => boolean {
  const judged = new Map(bases.map(({ base }) => [chainIdOf(base), base.bounds.join()]));
  return ({ log, class: chainClass }) => {
    const id = chainId(log, chainClass);
    // A ledger that nothing bounds has lost the right to be one.
    if (chainClass === CLASS_DESIRED && !bounds.has(id)) return true;
    return judged.get(id) !== (bounds.get(id) ?? []).join();
  };
}

function countsWhole(chain: Chain, ledger: KeptLedger | undefined): boolean {
  return ledger?.end.end === "open" && ledger.links.length === chain.main.length;
}

/** Whether entries that come, with those that wait, may change what lies below a chain's base, or be judged by it. */
export function reachesBelow(fresh: readonly Entry[], waiting: Iterable<Entry>): (chain: Chain) => boolean {
  const acts = fresh.length === 0 ? [] : [...fresh, ...waiting].filter(isAuthority);
  const mayBound = acts.some(({ header }) => !BOUNDLESS.has(header.type));
  let oldest: ReadonlyMap<string, number> | null = null;
  return ({ log, class: chainClass, below, unread }) => {
    if (unread === 0) return false;
    // Mostly no chain begins at a base, and nobody asks.
    oldest ??= oldestOf(fresh);
    const isBounded = mayBound && chainClass === CLASS_DESIRED;
    return isBounded || (oldest.get(chainId(log, chainClass)) ?? Number.POSITIVE_INFINITY) <= below + 1;
  };
}

/** The lowest number that came for each chain. */
function oldestOf(entries: readonly Entry[]): Map<string, number> {
  const oldest = new Map<string, number>();
  for (const { header } of entries.filter(isChain)) {
    const id = chainId(recurringHex(header.log), header.class);
    oldest.set(id, Math.min(header.seq, oldest.get(id) ?? header.seq));
  }
  return oldest;
}
