import { concat, equalBytes } from "../../core/bytes.ts";
import { decode, encode } from "../../core/encoding.ts";
import type { Disk, DiskRecord } from "../../core/ports/disk.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { recurringHex } from "../../core/recurring-hex.ts";
import type { ChainHeader, Entry } from "../entry/entry.ts";
import { chainId } from "../chain.ts";
import { type BaseRecord, chainIdOf, decodeBase, encodeBase } from "./base-record.ts";
import { decodeStateRecord, encodeStateRecord, type StateRecord } from "./state-record.ts";

export interface StoredEntry {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** A chain that begins at its base, or at the state that stands for what lies below. */
export interface StoredBase {
  readonly base: BaseRecord;
  /** How many of the chain's first links were let go of, or stand in no line with the others. */
  readonly letGo: number;
  /** The entry that it ends with. */
  readonly last: Uint8Array;
}

/** What a ledger had come to below where it begins. */
export interface StoredState {
  readonly state: StateRecord;
  /** The entry that it ends with. */
  readonly last: Uint8Array;
}

/** What of the store was readable at start. */
export interface Stored {
  /** Every entry after what it builds on. */
  readonly authority: readonly StoredEntry[];
  readonly bases: readonly StoredBase[];
  /** Numbers of the first links that are kept, of chains whose first ones were let go of; by `chainId`. */
  readonly beginnings: ReadonlyMap<string, number>;
  /** By `chainId`. */
  readonly states: ReadonlyMap<string, StoredState>;
  /** Chains, those with a base only behind it, and observed records. */
  readonly others: readonly StoredEntry[];
  /** Keys of records whose checksum is wrong: set aside, asked for again from peers. */
  readonly damaged: readonly string[];
  /** How many records fewer there are than were written. */
  readonly missing: number;
}

/** A chain as the store knows it. */
export interface StoredChain {
  readonly log: string;
  readonly class: number;
  /** How many of its first links were let go of. */
  readonly letGo: number;
}

export type ReadChain = Pick<Stored, "damaged"> & { readonly entries: StoredEntry[] };

/** Of the records that say where a chain begins. */
const VERSION = 1;

/** How many records of authority and chains there are: a store may lose some in the middle and hand back the rest. */
const COUNT_KEY = "n";

const CHECKSUM_BYTES = 8;

/** Comes after every key of a chain's records. */
const BEYOND = "~";

/**
 * The log of all entries on a {@link Disk}. Keys sort so that a scan gives every entry after what it builds on; every
 * record carries its own checksum, because a disk and LevelDB may hand back other bytes than were written.
 */
export class EntryStore {
  readonly #disk: Disk;
  readonly #keys: Pick<Keys, "hash">;
  #authorityCount = 0;
  /** Readable records of authority and chains. */
  #count = 0;
  /** Keys of records that were read and not placed: what they wait for comes, and they are written again. */
  readonly #unplaced = new Set<string>();
  /** Keys of the states that are on the disk: written again, there is no record more. */
  readonly #stated = new Set<string>();
  /** Those of them that say that all links are back. */
  readonly #whole = new Set<string>();

  constructor(disk: Disk, keys: Pick<Keys, "hash">) {
    this.#disk = disk;
    this.#keys = keys;
  }

  async load(): Promise<Stored> {
    const damaged: string[] = [];
    const authority = await this.#scan("a/", damaged);
    const lastAuthority = [...authority.map(({ key }) => key), ...damaged].sort().at(-1);
    if (lastAuthority !== undefined) this.#authorityCount = Number(lastAuthority.slice(2)) + 1;
    const states = await this.#states(damaged);
    const beginnings = this.#beginningsIn([...(await this.#disk.scan("t/")), ...(await this.#disk.scan("s/"))]);
    const leftOver = new Set(await this.#before(beginnings));
    if (leftOver.size > 0) await this.#disk.remove([...leftOver], false).catch(() => undefined);
    for (const [id, { state }] of states) beginnings.set(id, placeOf(state.base.last));
    const bases: StoredBase[] = [];
    const others: StoredEntry[] = [];
    let after: string | undefined;
    let there = (await this.#disk.count("a/")) + (await this.#disk.count("s/"));
    const take = (entries: readonly StoredEntry[], unreadable: readonly string[]): void => {
      others.push(...entries);
      damaged.push(...unreadable);
    };
    const readOthers = async (before?: string): Promise<void> => {
      const unreadable: string[] = [];
      const entries = await this.#scan("c/", unreadable, after, before);
      take(entries, unreadable);
      there += entries.length + unreadable.length;
    };
    for (const stored of await this.#beginningsOf(beginnings, states)) {
      const { last } = stored.base;
      const chain = chainOf(last);
      const first = stored.letGo === 0 ? undefined : chain + place(stored.letGo + 1);
      await readOthers(chain);
      const records = await this.#disk.count(chain);
      const unreadable: string[] = [];
      const lower = first === undefined ? [] : await this.#scan(chain, unreadable, undefined, first);
      const lowerCount = lower.length + unreadable.length;
      take(lower, unreadable.splice(0));
      const behind = await this.#scan(chain, unreadable, last);
      const isBehind = (key: string) => placeOf(key) > placeOf(last);
      const below = records - lowerCount - [...behind.map(({ key }) => key), ...unreadable].filter(isBehind).length;
      if (below > placeOf(last) - stored.letGo) {
        // Its writer signed two histories that part there: what was summed up is only one of them.
        const all: string[] = [];
        take(await this.#scan(chain, all, first), all);
        const stated = states.get(chainIdOf(stored.base));
        if (stated !== undefined) bases.push(baseOf(stated));
      } else {
        take(behind, unreadable);
        bases.push(stored);
      }
      there += records;
      after = chain + BEYOND;
    }
    await readOthers();
    const kept = leftOver.size === 0 ? others : others.filter(({ key }) => !leftOver.has(key));
    const unreadable = damaged.length;
    kept.push(...(await this.#scan("o/", damaged)));

    const counted = await this.#counted();
    this.#count = there - unreadable;
    return { authority, bases, beginnings, states, others: kept, damaged, missing: Math.max(0, counted - there) };
  }

  /**
   * Every record of a chain that was not let go of, also those that its base sums up; without the damaged ones, whose
   * keys are told.
   */
  async chain({ log, class: chainClass, letGo }: StoredChain): Promise<ReadChain> {
    const damaged: string[] = [];
    const prefix = chainPrefix(log, chainClass);
    return { entries: await this.#scan(prefix, damaged, prefix + place(letGo + 1)), damaged };
  }

  /** The record that goes with a link with which a chain begins from now on. */
  beginningRecord({ header: { log, class: chainClass, seq } }: Entry<ChainHeader>): DiskRecord {
    return { key: beginningKey(recurringHex(log), chainClass), value: this.#seal(encode([VERSION, seq])) };
  }

  /** Removes what lies before these links of their chains. */
  async letGo(beginnings: readonly Entry<ChainHeader>[]): Promise<void> {
    await this.write(beginnings.map((entry) => this.beginningRecord(entry)));
  }

  #beginningsIn(records: readonly DiskRecord[]): Map<string, number> {
    const found = new Map<string, number>();
    for (const { key, value } of records.filter((record) => /^[ts]\//.test(record.key))) {
      const bytes = this.#open(value);
      if (key.startsWith("s/")) {
        const state = bytes === null ? null : decodeStateRecord(bytes);
        if (state !== null && state !== "whole" && state.below === "gone")
          found.set(chainIdOf(state.base), placeOf(state.base.last));
        continue;
      }
      const [version, seq] = bytes === null ? [] : (decode(bytes) as unknown as [number, number]);
      const [, log = "", chainClass] = key.split("/");
      if (version === VERSION && seq !== undefined) found.set(chainId(log, Number(chainClass)), seq);
    }
    return found;
  }

  /** Keys of what lies before where chains begin. */
  async #before(beginnings: ReadonlyMap<string, number>): Promise<string[]> {
    const keys: string[] = [];
    for (const [id, seq] of beginnings) {
      const [log = "", chainClass] = id.split("/");
      const prefix = chainPrefix(log, Number(chainClass));
      for (const { key } of await this.#disk.scan(prefix, { before: prefix + place(seq) })) keys.push(key);
    }
    return keys;
  }

  /** An entry that was read has to wait for another: when it is written again, there is no record more. */
  unplaced(entry: Entry<ChainHeader>): void {
    this.#unplaced.add(chainKey(entry));
  }

  /** Records that {@link chain} found damaged, and that were counted at start. */
  discount(damaged: readonly string[]): void {
    this.#count -= damaged.length;
  }

  async #scan(prefix: string, damaged: string[], after?: string, before?: string): Promise<StoredEntry[]> {
    const within = { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
    const found: StoredEntry[] = [];
    for (const { key, value } of await this.#disk.scan(prefix, within)) {
      const bytes = this.#open(value);
      if (bytes === null) damaged.push(key);
      else found.push({ key, bytes });
    }
    return found;
  }

  /** What ledgers had come to. One that is damaged is asked for again, and until then its ledger waits. */
  async #states(damaged: string[]): Promise<Map<string, StoredState>> {
    const found = new Map<string, StoredState>();
    for (const { key, value } of await this.#disk.scan("s/")) {
      this.#stated.add(key);
      const bytes = this.#open(value);
      const state = bytes === null ? null : decodeStateRecord(bytes);
      if (bytes === null) damaged.push(key);
      if (state === "whole") this.#whole.add(key);
      if (state === null || state === "whole") continue;
      const last = await this.#readEntry(state.base.last);
      if (last !== null) found.set(chainIdOf(state.base), { state, last });
    }
    return found;
  }

  /** Where chains begin, in the order of their keys: at their base, or at the state that is all there is below. */
  async #beginningsOf(
    beginnings: ReadonlyMap<string, number>,
    states: ReadonlyMap<string, StoredState>,
  ): Promise<readonly StoredBase[]> {
    const found = new Map([...states].map(([id, stated]) => [id, baseOf(stated)]));
    // A base that is damaged, or whose last entry is, is none: the chain is read whole.
    for (const { value } of await this.#disk.scan("b/")) {
      const bytes = this.#open(value);
      const base = bytes === null ? null : decodeBase(bytes);
      if (base === null) continue;
      const id = chainIdOf(base);
      const beginning = beginnings.get(id) ?? 1;
      // Without its state there is nothing that it could be read anew from.
      const key = stateKeyOf(base.last);
      const isLost = this.#stated.has(key) && !this.#whole.has(key) && !states.has(id);
      const last = isLost || placeOf(base.last) < beginning ? null : await this.#readEntry(base.last);
      if (last !== null) found.set(id, { base, last, letGo: beginning - 1 });
    }
    return [...found.values()].sort((a, b) => (a.base.last < b.base.last ? -1 : 1));
  }

  async #readEntry(key: string): Promise<Uint8Array | null> {
    const value = await this.#disk.read(key);
    return value === undefined ? null : this.#open(value);
  }

  /** Zero where the store is of a release that did not count, or where the count itself is damaged. */
  async #counted(): Promise<number> {
    const value = await this.#disk.read(COUNT_KEY);
    const bytes = value === undefined ? null : this.#open(value);
    return bytes === null ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  /** From now on what was found is all there is: the loss has been told. */
  async acceptLoss(damaged: readonly string[]): Promise<void> {
    await this.#disk.remove(damaged, false);
    await this.write([]);
  }

  authorityRecord(entry: Entry): DiskRecord {
    return { key: `a/${String(this.#authorityCount++).padStart(10, "0")}`, value: this.#seal(entry.bytes) };
  }

  chainRecord(entry: Entry<ChainHeader>): DiskRecord {
    return { key: chainKey(entry), value: this.#seal(entry.bytes) };
  }

  /** `slot` 0 is the record itself; a second one of the same version is kept in slot 1 as proof of the fork. */
  observedRecord(entry: Entry, slot: number): DiskRecord {
    return { key: `o/${recurringHex(entry.header.log)}/${slot}`, value: this.#seal(entry.bytes) };
  }

  /** What a chain has come to with `last`. Its next start begins there. */
  async writeBase(last: Entry<ChainHeader>, base: Omit<BaseRecord, "last">): Promise<void> {
    const { log, class: chainClass } = last.header;
    const value = this.#seal(encodeBase({ ...base, last: chainKey(last) }));
    // Not synced: without it the next start takes longer, and nothing else.
    await this.#disk.append([{ key: baseKey(recurringHex(log), chainClass), value }], false);
  }

  async removeBase(log: string, chainClass: number): Promise<void> {
    await this.#disk.remove([baseKey(log, chainClass)], false);
  }

  /** What a ledger had come to with this link. */
  stateRecord({ header }: Entry<ChainHeader>, state: StateRecord | "whole"): DiskRecord {
    return { key: stateKey(recurringHex(header.log), header.class), value: this.#seal(encodeStateRecord(state)) };
  }

  /**
   * Among the records may be {@link beginningRecord}s and {@link stateRecord}s: what lies before them goes, now or with
   * the next start.
   */
  async write(records: readonly DiskRecord[]): Promise<void> {
    let fresh = 0;
    for (const { key } of records) if (isCounted(key) && !this.#unplaced.has(key) && !this.#stated.has(key)) fresh++;
    const before = await this.#before(this.#beginningsIn(records));
    // Counted as gone before they are: who is interrupted in between has more than it counts, and misses nothing.
    const count = this.#count + fresh - before.length;
    const counted = new Uint8Array(4);
    new DataView(counted.buffer).setUint32(0, count);
    await this.#disk.append([...records, { key: COUNT_KEY, value: this.#seal(counted) }], true);
    this.#count = count;
    for (const { key } of records) if (key.startsWith("s/")) this.#stated.add(key);
    if (before.length > 0) await this.#disk.remove(before, true);
    if (this.#unplaced.size > 0) for (const { key } of records) this.#unplaced.delete(key);
  }

  #seal(bytes: Uint8Array): Uint8Array {
    return concat(this.#keys.hash(bytes).subarray(0, CHECKSUM_BYTES), bytes);
  }

  #open(value: Uint8Array): Uint8Array | null {
    if (value.length < CHECKSUM_BYTES) return null;
    const bytes = value.subarray(CHECKSUM_BYTES);
    return equalBytes(this.#keys.hash(bytes).subarray(0, CHECKSUM_BYTES), value.subarray(0, CHECKSUM_BYTES))
      ? bytes
      : null;
  }
}

function chainPrefix(log: string, chainClass: number): string {
  return `c/${log}/${String(chainClass).padStart(3, "0")}/`;
}

export function chainKey({ header: { log, class: chainClass, seq }, id }: Entry<ChainHeader>): string {
  return `${chainPrefix(recurringHex(log), chainClass)}${place(seq)}/${id.slice(0, 16)}`;
}

/** A number as it stands in keys: they sort as numbers do. */
function place(seq: number): string {
  return String(seq).padStart(12, "0");
}

/** Number of the link that a record of this key holds. */
function placeOf(key: string): number {
  return Number(key.split("/")[3]);
}

function isCounted(key: string): boolean {
  return key.startsWith("a/") || key.startsWith("c/") || key.startsWith("s/");
}

function beginningKey(log: string, chainClass: number): string {
  return `t/${log}/${String(chainClass).padStart(3, "0")}`;
}

/** The prefix of the chain that a record with this key belongs to. */
function chainOf(key: string): string {
  return `${key.split("/").slice(0, 3).join("/")}/`;
}

function stateKey(log: string, chainClass: number): string {
  return `s/${log}/${String(chainClass).padStart(3, "0")}`;
}

function stateKeyOf(last: string): string {
  return last.replace(/^c/, "s").split("/").slice(0, 3).join("/");
}

function baseOf({ state: { base }, last }: StoredState): StoredBase {
  return { base, last, letGo: placeOf(base.last) - 1 };
}

function baseKey(log: string, chainClass: number): string {
  return `b/${log}/${String(chainClass).padStart(3, "0")}`;
}
