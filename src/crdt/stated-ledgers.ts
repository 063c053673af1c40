import { MalformedError } from "../core/encoding.ts";
import type { DiskRecord } from "../core/ports/disk.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import type { Chain } from "./chain.ts";
import { compacting, type Doubt } from "./doubts.ts";
import { type ChainHeader, CLASS_DESIRED, type Entry } from "./entry/entry.ts";
import { carriesValidSignature } from "./entry/signatures.ts";
import type { Fold, Foldable } from "./fold.ts";
import { encodeHandedOn, readHandedOn } from "./handed-on.ts";
import { type LedgerBounds, ledgerBounds } from "./prefix.ts";
import { recordOf, type States } from "./states.ts";
import type { EntryStore } from "./store/entry-store.ts";

/** A ledger of which only what it had come to is here, in place of the links before number `seq`. */
export interface LedgerBeginning {
  readonly log: string;
  readonly class: number;
  readonly seq: number;
  /** When its writer signed that link, by the writer's clock. */
  readonly atMs: number;
  readonly from: "own" | "given";
  readonly doubt: Doubt | null;
}

/** What a replica knows, as far as it is asked here. */
interface Known extends Pick<Foldable, "graph" | "authority" | "chain"> {
  readonly fold: Fold;
}

/** What only the replica does. */
interface Hands {
  /** One after the other, and never during an admission. */
  alone<T>(run: () => Promise<T>): Promise<T>;
  /** All that there is of a chain is on the disk, and read. */
  read(log: string, chainClass: number): Promise<void>;
  write(records: readonly DiskRecord[]): Promise<void>;
  /** The ledger is this chain from now on, which begins with that link. */
  become(chain: Chain, first: Entry<ChainHeader>): void;
  tell(entry: Entry): void;
  parse(bytes: Uint8Array): Entry | string;
  mayWrite(log: string, key: string, chainClass: number): boolean;
}

/** Lets links below pins go, hands on what ledgers had come to in their place, and begins with what others hand on. */
export class StatedLedgers {
  readonly #replica: Known;
  readonly #keys: Keys;
  readonly #states: States;
  readonly #store: EntryStore;
  readonly #hands: Hands;
  #keepsWhole = false;

  constructor(replica: Known, keys: Keys, states: States, store: EntryStore, hands: Hands) {
    [this.#replica, this.#keys, this.#states, this.#store, this.#hands] = [replica, keys, states, store, hands];
  }

  /** Says whether this machine is one of those that keep ledgers whole, and asks for what it lacks. */
  keepWhole(keepsWhole: boolean): void {
    this.#keepsWhole = keepsWhole;
  }

  /**
   * Lets go of the links below pins of which `isOld` says, by the checkpoint's id, that they have lain here for long
   * enough. What the ledgers had come to goes in their place.
   */
  async dropBelow(isOld: (checkpoint: string) => boolean): Promise<void> {
    await this.#hands.alone(() => this.#dropBelow(isOld));
  }

  async #dropBelow(isOld: (checkpoint: string) => boolean): Promise<void> {
    for (const bounds of ledgerBounds(this.#replica.authority)) {
      const { log, class: chainClass } = bounds;
      const isDue = compacting(bounds.pins).some(({ seq, checkpoint: { index } }) => {
        const letGo = this.#replica.chain(log, chainClass)?.letGo ?? seq;
        return seq > letGo + 1 && isOld(this.#replica.graph.at(index).entry.id);
      });
      if (!isDue) continue;
      await this.#hands.read(log, chainClass);
      const chain = this.#replica.chain(log, chainClass);
      const kept = this.#replica.fold.ledgers.get(log);
      const drop = chain === undefined ? null : this.#states.droppable(this.#replica.graph, bounds, chain, kept, isOld);
      if (drop === null) continue;
      await this.#hands.write([this.#store.stateRecord(drop.base.entry, drop.record)]);
      this.#hands.become(this.#states.drop(drop), drop.base.entry);
    }
  }

  /** Ledgers that begin with what they had come to. */
  beginnings(): readonly LedgerBeginning[] {
    const stated = [...this.#states.all];
    const bounds = stated.length === 0 ? new Map<string, LedgerBounds>() : this.#boundsByLog();
    return stated.map(({ entry, seq, record }) => {
      const log = recurringHex(entry.header.log);
      const chain = this.#replica.chain(log, entry.header.class) as Chain;
      const doubt = this.#states.doubtOf(this.#replica.graph, bounds.get(log), chain);
      return { log, class: entry.header.class, seq, atMs: entry.header.hlc.ms, from: record.from, doubt };
    });
  }

  #boundsByLog(): ReadonlyMap<string, LedgerBounds> {
    return new Map(ledgerBounds(this.#replica.authority).map((bounds) => [bounds.log, bounds]));
  }

  /** Ledgers of which all links are asked for, with what is here of those below; the first link is the lowest. */
  wanted(): readonly { readonly log: string; readonly class: number; readonly below: Chain | undefined }[] {
    return this.beginnings()
      .filter(({ doubt }) => doubt !== null || this.#keepsWhole)
      .map(({ log, class: chainClass }) => {
        return { log, class: chainClass, below: this.#states.below({ log, class: chainClass }) };
      });
  }

  /** Whether something may count otherwise on a peer that has the same entries and more of a ledger. */
  get isInDoubt(): boolean {
    return this.beginnings().some(({ doubt }) => doubt !== null);
  }

  /** A peer with the same entries shows something else. */
  dispute(): void {
    this.#states.dispute();
  }

  /** With what a ledger begins here, for a peer that has nothing of what lies below; null where all links are here. */
  handOn(log: string, chainClass: number): { readonly seq: number; readonly link: string; bytes(): Uint8Array } | null {
    const base = this.#states.baseOf({ log, class: chainClass });
    if (base === null) return null;
    const { header, id } = base.entry;
    return { seq: header.seq, link: id, bytes: () => encodeHandedOn(base) };
  }

  /** What the state of a ledger at this link has to come to: null if nothing that counts says so, or it is not needed. */
  #stateAt(log: string, chainClass: number, seq: number, link: string): Uint8Array | null {
    const chain = this.#replica.chain(log, chainClass);
    if (chainClass !== CLASS_DESIRED || chain?.tips.some(({ entry }) => entry.header.seq >= seq) === true) return null;
    const pins = this.#boundsByLog().get(log)?.pins ?? [];
    const pin = compacting(pins).find((one) => one.seq === seq && one.link === link);
    return pin?.checkpoint.body.state ?? null;
  }

  wouldBeginAt(log: string, chainClass: number, seq: number, link: string): boolean {
    return this.#stateAt(log, chainClass, seq, link) !== null;
  }

  /**
   * Begins a ledger with what a peer says it had come to, if a checkpoint that counts commits to just that. What is here
   * of the ledger stays. Throws `MalformedError`, and whatever the disk throws.
   */
  async beginAt(log: string, chainClass: number, bytes: Uint8Array, link: string): Promise<void> {
    await this.#hands.alone(() => this.#beginAt(log, chainClass, bytes, link));
  }

  async #beginAt(log: string, chainClass: number, bytes: Uint8Array, link: string): Promise<void> {
    await this.#hands.read(log, chainClass);
    const bounds = this.#boundsByLog().get(log);
    const pin = bounds?.pins.find((one) => one.link === link);
    const state = pin === undefined ? null : this.#stateAt(log, chainClass, pin.seq, link);
    if (state === null || pin === undefined || bounds === undefined) return;
    const base = readHandedOn(this.#keys, bytes, state, (entry) => this.#hands.parse(entry));
    const { header, id } = base.entry;
    const isPinned =
      id === link && recurringHex(header.log) === log && header.class === chainClass && header.more === 0;
    const isWriter = this.#hands.mayWrite(log, recurringHex(header.key), chainClass);
    if (!isPinned || !isWriter || !carriesValidSignature(this.#keys, base.entry)) {
      throw new MalformedError("not the link that is pinned");
    }
    // Who signed the checkpoint had seen those before it, and says that they are on its line.
    const judged = bounds.pins
      .filter(
        ({ seq, checkpoint }) => seq < pin.seq && this.#replica.graph.isPast(checkpoint.index, pin.checkpoint.index),
      )
      .map(({ checkpoint }) => this.#replica.graph.at(checkpoint.index).entry.id);
    const known = this.#replica.chain(log, chainClass);
    const record = recordOf(base, judged.sort(), "given", known === undefined ? "gone" : "partly");
    const records = [this.#store.chainRecord(base.entry), this.#store.stateRecord(base.entry, record)];
    await this.#hands.write(records);
    this.#hands.become(this.#states.begin(base, record, known), base.entry);
    this.#hands.tell(base.entry);
  }
}
