import { equalBytes, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { compareHlc, HLC_ZERO, type Hlc } from "../core/hlc.ts";
import type { Disk, DiskRecord } from "../core/ports/disk.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import type { View } from "../core/view.ts";
import { type Admission, type Growth, type GrowthSource, type Placement, writerRefusal } from "./admission.ts";
import { AuthorityGraph } from "./authority/graph.ts";
import { type Authority, resolve } from "./authority/resolve.ts";
import { Chain, chainId, newestEnd } from "./chain.ts";
import { carrySignatures, coveredBy } from "./cover.ts";
import { Door, reasonToWait } from "./door.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  type Entry,
  isAuthority,
  isChain,
  isLedgerClass,
  isObserved,
  MAX_OBSERVED_BYTES,
  type ObservedHeader,
} from "./entry/entry.ts";
import { type EntryReader, entryReader } from "./entry-reader.ts";
import { Fold } from "./fold.ts";
import { type ObservedState, observe, reportsOf } from "./observed.ts";
import { countParked, type Parked } from "./parking-lot.ts";
import { RecentChanges } from "./recent-changes.ts";
import { beginningsOf, mayBeginWith } from "./retention.ts";
import { Bases, boundsOf, isOutdated, reachesBelow } from "./bases.ts";
import { StatedLedgers } from "./stated-ledgers.ts";
import { States } from "./states.ts";
import { Unwritten } from "./unwritten.ts";
import { Waiting } from "./waiting.ts";
import { EntryStore, type StoredBase, type StoredEntry } from "./store/entry-store.ts";

const NONE: ReadonlySet<Entry> = new Set();

/**
 * Everything that one peer knows: the authority graph, the chains and the observed records, admitted by the rules of
 * `trust.md` §3, kept on disk, folded to a {@link View}. No clock, no network, no randomness.
 */
export class Replica {
  readonly mesh: Uint8Array;
  readonly graph: AuthorityGraph;
  readonly #keys: Keys;
  readonly reader: EntryReader;
  readonly #store: EntryStore;
  readonly #chains = new Map<string, Chain>();
  readonly #observed = new Map<string, ObservedState>();
  /** The last report of each node that came too late: beside another of its version it proves a fork. */
  readonly #outrun = new Map<string, Entry<ObservedHeader>>();
  readonly #waiting = new Waiting();
  readonly #door = new Door();
  #keysOfLogs: { readonly of: number; readonly keys: ReadonlySet<string> } = { of: 0, keys: new Set() };
  readonly #fold: Fold;
  #authority: Authority | null = null;
  #newest: Hlc = HLC_ZERO;
  #revision = 0;
  #view: View | null = null;
  #stateHash: { revision: number; hash: Uint8Array } | null = null;
  readonly #unwritten = new Unwritten();
  #writing: Promise<void> = Promise.resolve();
  #turn: Promise<unknown> = Promise.resolve();
  #damaged: readonly string[] = [];
  #missing = 0;
  #observedRevision = 0;
  #wasForked = false;
  readonly #bases: Bases;
  readonly #states: States;
  /** Ledgers that begin with what they had come to, or may. */
  readonly stated: StatedLedgers;
  readonly #mayBeginBeforeMs: () => number;
  /** Numbers with which chains begin on the disk, while that is read. */
  #beginnings: ReadonlyMap<string, number> = new Map();
  /** Where that comes from which is being placed: there is one admission at a time. */
  #source: GrowthSource | "disk" = "disk";
  #contents = 0;
  /** Of chains and reports. */
  readonly changes = new RecentChanges();
  readonly #listeners: ((growth: Growth) => void)[] = [];

  /** `mayBeginBeforeMs` says how old an audit record is with which a log may begin here that others trimmed. */
  constructor(
    keys: Keys,
    mesh: Uint8Array,
    disk: Disk,
    mayBeginBeforeMs: () => number = () => 0,
    reader = entryReader(keys),
  ) {
    this.mesh = mesh;
    this.#mayBeginBeforeMs = mayBeginBeforeMs;
    this.#keys = keys;
    this.reader = reader;
    this.graph = new AuthorityGraph(keys, mesh, reader);
    this.#store = new EntryStore(disk, keys);
    this.#bases = new Bases(keys, this.#store);
    this.#states = new States(keys, this.#store);
    this.stated = new StatedLedgers(this, keys, this.#states, this.#store, {
      alone: (run) => this.#exclusive(run),
      read: async (log, chainClass) => {
        await this.#flush();
        await this.#makeWhole((chain) => chain.log === log && chain.class === chainClass);
      },
      write: (records) => this.#write(() => this.#store.write(records)),
      become: (chain, last) => this.#become(chain, last),
      tell: (entry) => this.#tell([{ entries: [entry], source: "exchange", authority: false }]),
      parse: (bytes) => this.#parse(bytes),
      mayWrite: (log, key, chainClass) => writerRefusal(this.graph, log, key, chainClass) === null,
    });
    this.#fold = new Fold();
  }

  /**
   * Reads the store: long chains from their base on. Entries were checked when they came in; what is damaged is left
   * out and listed.
   */
  async load(): Promise<void> {
    const stored = await this.#store.load();
    const damaged = [...stored.damaged];
    const waiting = new Set<Entry>();
    const place = ({ key, bytes }: StoredEntry): void => {
      const entry = this.#parse(bytes);
      const state = typeof entry === "string" ? "refused" : this.#place(entry, "admitted").state;
      if (state === "refused") damaged.push(key);
      // What builds on a damaged record comes back as soon as a peer gives that one again.
      if (state !== "waiting" || typeof entry === "string") return;
      waiting.add(entry);
      if (isChain(entry)) this.#store.unplaced(entry);
    };
    this.#source = "disk";
    this.#beginnings = stored.beginnings;
    stored.authority.forEach(place);
    stored.bases.forEach((base) => this.#begin(base));
    this.#states.load(stored.states.values(), (bytes) => this.#parse(bytes));
    stored.others.forEach(place);
    this.#damaged = damaged;
    this.#missing = stored.missing;
    this.#waiting.replace([...waiting], waiting);
    this.#authority = null;
    const { bases } = stored;
    if (bases.length > 0) await this.#makeWhole(isOutdated(bases, boundsOf(this.graph, this.authority)));
    this.#contents++;
    this.#changed();
  }

  #begin(base: StoredBase): void {
    const entry = this.#parse(base.last);
    if (typeof entry === "string" || !isChain(entry)) return;
    this.#keep(this.#bases.begin(base, entry));
    if (compareHlc(entry.header.hlc, this.#newest) > 0) this.#newest = entry.header.hlc;
  }

  /** Writes down what chains with so many links more than last time have come to: the next start begins there. */
  async sumUp(linksAtLeast?: number): Promise<void> {
    await this.#flush();
    const { ledgers } = this.fold;
    await this.#bases.write([...this.#chains.values()], ledgers, boundsOf(this.graph, this.authority), linksAtLeast);
  }

  /** Reads what the bases had spared the start, and lets go of one below which something is missing or damaged. */
  async checkBelow(): Promise<void> {
    const broken = await this.#bases.brokenBelow(this.#chains.values());
    if (broken.size > 0) await this.makeWhole((chain) => broken.has(chain));
  }

  /** Lets go of audit records that are older than `beforeMs` says of their log. Their logs then begin further up. */
  async letGo(beforeMs: (log: string) => number): Promise<void> {
    await this.#exclusive(() => this.#letGo(beforeMs));
  }

  async #letGo(beforeMs: (log: string) => number): Promise<void> {
    const read = async (chain: Chain) => (await this.#bases.read(chain, (bytes) => this.#parse(bytes))).entries;
    await this.#flush();
    const beginnings = await beginningsOf(this.#chains.values(), beforeMs, read);
    if (beginnings.length === 0) return;
    await this.#write(() => this.#store.letGo(beginnings));
    for (const entry of beginnings) {
      const chain = this.chain(recurringHex(entry.header.log), entry.header.class) as Chain;
      this.#bases.letGo(entry);
      this.#keep(chain.from(this.#keys, entry));
    }
    this.#contents++;
  }

  /** Reads what a base had summed up: for whoever asks for what lies below, or is to judge it. */
  async makeWhole(which: (chain: Chain) => boolean = () => true): Promise<void> {
    await this.#exclusive(() => this.#makeWhole(which));
  }

  async #makeWhole(which: (chain: Chain) => boolean): Promise<void> {
    for (const known of this.#chains.values()) {
      if (known.unread === 0 || !which(known)) continue;
      const { chain, damaged, lost } = await this.#bases.readWhole(known, this.#states.beginning(known), (bytes) =>
        this.#parse(bytes),
      );
      this.#keep(chain);
      this.#contents++;
      this.#changed();
      if (damaged.length + lost.length === 0) continue;
      // It goes on from before the gap, and peers give again what lay in it.
      this.#damaged = [...this.#damaged, ...damaged];
      this.#waiting.replace([...this.#waiting.values(), ...lost], new Set([...this.#waiting.signed, ...lost]));
    }
  }

  /** Records that could not be read at start, or when they were asked for. Another list whenever a chain has lost something. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  /** Lets go of records that cannot be read and stops missing those that are gone; peers give them again. */
  async acceptLoss(): Promise<void> {
    await this.#store.acceptLoss(this.#damaged);
  }

  /** How many records the store had written and did not hand back at start. */
  get missing(): number {
    return this.#missing;
  }

  /** The key's machine is removed by a cut that is verified and waits for what it builds on (I17). */
  isShutOut(key: string): boolean {
    return this.#door.isShutTo(key);
  }

  /** Calls `listener` when {@link isShutOut} answers differently for some key. */
  onDoorChange(listener: () => void): void {
    this.#door.onChange(listener);
  }

  /** What waits for entries that are not here: bounded, and empty in a mesh that is whole. */
  get parked(): Parked {
    return countParked(this.#waiting.values());
  }

  get revision(): number {
    return this.#revision;
  }

  /** Grows only when some node's report changed. */
  get observedRevision(): number {
    return this.#observedRevision;
  }

  /** False while no chain and no report here was ever found to say two things under one number. */
  get wasForked(): boolean {
    return this.#wasForked;
  }

  /** Grows with every entry that comes or goes. */
  get contents(): number {
    return this.#contents;
  }

  get newest(): Hlc {
    return this.#newest;
  }

  /**
   * The latest reading at the end of any chain that is not after `limitMs`: what a writer takes over. One entry of the
   * far future hides only the chain that it ends.
   */
  newestUntil(limitMs: number): Hlc {
    return newestEnd(this.#chains.values(), limitMs);
  }

  get authority(): Authority {
    this.#authority ??= resolve(this.graph, this.#keys);
    return this.#authority;
  }

  get chains(): ReadonlyMap<string, Chain> {
    return this.#chains;
  }

  chain(log: string, chainClass: number): Chain | undefined {
    return this.#chains.get(chainId(log, chainClass));
  }

  get observed(): ReadonlyMap<string, ObservedState> {
    return this.#observed;
  }

  onGrowth(listener: (growth: Growth) => void): void {
    this.#listeners.push(listener);
  }

  view(): View {
    this.#view ??= this.#fold.view(this);
    return this.#view;
  }

  get fold(): Fold {
    this.view();
    return this.#fold;
  }

  /** Digest of authority, desired state and frontiers: equal on peers that know the same (`cli.md`, Status). */
  stateHash(): Uint8Array {
    if (this.#stateHash?.revision !== this.#revision) {
      this.view();
      this.#stateHash = { revision: this.#revision, hash: this.#fold.stateHash(this, this.#keys) };
    }
    return this.#stateHash.hash;
  }

  /**
   * Admits entries in any order and tells what became of each, once what was admitted is on disk.
   * Throws only when the disk does.
   */
  async admit(batch: readonly Uint8Array[], source: GrowthSource): Promise<Admission[]> {
    // One at a time: the checks of the pool may finish in any order, admissions may not.
    const answers = await this.#exclusive(() => this.#admitNow(batch, source));
    // Also when nothing is new: what a full disk did not take the first time is due now.
    await this.#flush();
    return answers;
  }

  /**
   * False for an admitted entry that the disk has not taken yet, or has refused: it counts here until this process ends,
   * and is written with the next admission that the disk takes.
   */
  isOnDisk(entry: Entry): boolean {
    return !this.#unwritten.has(entry.id);
  }

  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async #admitNow(batch: readonly Uint8Array[], source: GrowthSource): Promise<Admission[]> {
    const answers = new Map<string, Admission>();
    const order: string[] = [];
    const fresh: Entry[] = [];
    for (const [i, bytes] of batch.entries()) {
      const entry = this.#parse(bytes);
      if (typeof entry === "string") {
        order.push(`malformed ${i}`);
        answers.set(`malformed ${i}`, { id: "", state: "refused", reason: entry });
        continue;
      }
      order.push(entry.id);
      if (this.has(entry)) answers.set(entry.id, { id: entry.id, state: "known" });
      else fresh.push(entry);
    }
    this.#source = source;
    await this.#makeWhole(reachesBelow(fresh, this.#waiting.acts));
    const grown = fresh.length === 0 ? [] : this.#placeAll(fresh, await carrySignatures(this.#keys, fresh), answers);
    const authority = grown.some(isAuthority);
    if (authority) this.#authority = null;
    if (grown.length + fresh.length > 0) this.#door.look(this.#keys, this, this.#waiting.acts);
    if (grown.length > 0) {
      if (authority || grown.some((entry) => isChain(entry) && isLedgerClass(entry.header.class))) this.#changed();
      this.#unwritten.addGrowth({ entries: grown, source, authority });
    }
    return order.map((id) => answers.get(id) as Admission);
  }

  /** Places what can be placed, with what waited for it; the rest waits. */
  #placeAll(fresh: readonly Entry[], freshSigned: ReadonlySet<Entry>, answers: Map<string, Admission>): Entry[] {
    const touched = this.#waiting.touchedBy(fresh);
    const signed = touched.length === 0 ? freshSigned : new Set([...this.#waiting.signed, ...freshSigned]);
    const pending = new Map<string, Entry>();
    for (const entry of touched.length === 0 ? fresh : [...touched, ...fresh]) {
      // The id does not cover signatures: a copy without a good one must not take the place of one that has it.
      const known = pending.get(entry.id);
      if (known === undefined || !signed.has(known)) pending.set(entry.id, entry);
    }
    const covered = coveredBy(pending, signed);
    const grown: Entry[] = [];
    const settle = (entry: Entry): readonly string[] => {
      if (!covered.has(entry.id)) {
        // A signature that is wrong will not become right; an unsigned link may still be covered by a later one.
        if (entry.signatures.length === 0) {
          answers.set(entry.id, { id: entry.id, state: "waiting", reason: "no valid signature covers it" });
        } else answers.set(entry.id, { id: entry.id, state: "refused", reason: "the signature is wrong" });
        return [];
      }
      const { state, reason, missing = [] } = this.#placeAtDoor(entry, pending);
      answers.set(entry.id, reason === undefined ? { id: entry.id, state } : { id: entry.id, state, reason });
      if (state === "admitted") grown.push(entry);
      return missing;
    };
    // Authority depends on itself alone, a chain on authority and its lower links, a record on authority.
    const all = [...pending.values()];
    this.#settleAuthority(all.filter(isAuthority), settle);
    for (const entry of all.filter(isChain).sort((a, b) => a.header.seq - b.header.seq)) settle(entry);
    for (const entry of all.filter(isObserved).sort((a, b) => a.header.seq - b.header.seq)) settle(entry);

    const waiting = all.filter((entry) => answers.get(entry.id)?.state === "waiting");
    this.#waiting.settle(touched, waiting, freshSigned, (key) => this.#knownKeys.has(key));
    if (grown.length > 0) this.#contents++;
    // Where nothing was refused, what covers others is there.
    const bare = grown.length === pending.size ? NONE : this.#uncovered(grown, signed);
    for (const { id } of bare) answers.set(id, { id, state: "refused", reason: "what covers it is refused" });
    const kept = bare.size === 0 ? grown : grown.filter((entry) => !bare.has(entry));
    for (const entry of kept) this.#unwritten.add(this.#recordsOf(entry));
    this.#unwritten.add(this.#states.takePending());
    return kept;
  }

  /**
   * Takes out again the links whose covering signature stood on an entry that was refused: without it no peer could
   * be convinced of them.
   */
  #uncovered(grown: readonly Entry[], signed: ReadonlySet<Entry>): ReadonlySet<Entry> {
    if (grown.every((entry) => signed.has(entry) || !isChain(entry))) return NONE;
    const links = new Map(grown.filter(isChain).map((entry) => [entry.id, entry]));
    const bare = new Set<Entry>(links.values());
    for (const entry of links.values()) {
      let at = signed.has(entry) ? entry : undefined;
      while (at !== undefined && bare.delete(at)) at = links.get(toHex(at.header.prev));
    }
    const spoilt = new Set(
      [...bare].filter(isChain).map(({ header }) => chainId(recurringHex(header.log), header.class)),
    );
    for (const id of spoilt) {
      const chain = this.#chains.get(id);
      chain?.remove(bare);
      if (chain !== undefined) this.#states.below(chain)?.remove(bare);
      if (chain?.size === 0) this.#chains.delete(id);
    }
    return bare;
  }

  #recordsOf(entry: Entry): DiskRecord[] {
    if (isAuthority(entry)) return [this.#store.authorityRecord(entry)];
    if (isChain(entry)) {
      const { seq, log, class: chainClass } = entry.header;
      const begins =
        !isLedgerClass(chainClass) && seq > 1 && this.chain(recurringHex(log), chainClass)?.letGo === seq - 1;
      return [this.#store.chainRecord(entry), ...(begins ? [this.#store.beginningRecord(entry)] : [])];
    }
    const observed = this.#observed.get(recurringHex(entry.header.log));
    return observed === undefined ? [] : reportsOf(observed).map((report, i) => this.#store.observedRecord(report, i));
  }

  /** Tries each entry once, and again when one that it waited for has come. */
  #settleAuthority(entries: readonly Entry[], settle: (entry: Entry) => readonly string[]): void {
    const waitingFor = new Map<string, Entry[]>();
    const queue = [...entries];
    for (let i = 0; i < queue.length; i++) {
      const entry = queue[i] as Entry;
      const [missing] = settle(entry);
      if (missing !== undefined) waitingFor.set(missing, [...(waitingFor.get(missing) ?? []), entry]);
      if (this.has(entry)) {
        queue.push(...(waitingFor.get(entry.id) ?? []));
        waitingFor.delete(entry.id);
      }
    }
  }

  has(entry: Entry): boolean {
    if (isAuthority(entry)) return this.graph.find(entry.id) !== undefined;
    if (isChain(entry)) {
      const chain = this.chain(recurringHex(entry.header.log), entry.header.class);
      return chain !== undefined && this.#states.has(chain, entry.id);
    }
    const known = this.#observed.get(recurringHex(entry.header.log));
    return known !== undefined && (known.state === "forked" || known.entry.id === entry.id);
  }

  #parse(bytes: Uint8Array): Entry | string {
    try {
      const entry = this.reader.entry(bytes);
      const isGenesis = isAuthority(entry) && entry.header.type === "genesis";
      if (!isGenesis && !equalBytes(entry.header.mesh, this.mesh)) return "an entry of another mesh";
      if (isObserved(entry) && bytes.length > MAX_OBSERVED_BYTES) return "an observed record is too large";
      return entry;
    } catch (error) {
      if (error instanceof MalformedError) return error.message;
      throw error;
    }
  }

  /** As {@link #place}, for what comes from outside; `pending` may need it. */
  #placeAtDoor(entry: Entry, pending: ReadonlyMap<string, Entry>): Placement {
    const reason = isAuthority(entry) ? reasonToWait(this.graph, entry, pending.values()) : null;
    return reason === null ? this.#place(entry) : { state: "waiting", reason };
  }

  /** Of all logs that were ever opened. */
  get #knownKeys(): ReadonlySet<string> {
    const { logs } = this.graph;
    if (this.#keysOfLogs.of !== logs.size) {
      this.#keysOfLogs = { of: logs.size, keys: new Set([...logs.values()].map(({ key }) => key)) };
    }
    return this.#keysOfLogs.keys;
  }

  #place(entry: Entry, standing: "fresh" | "admitted" = "fresh"): Placement {
    if (isAuthority(entry)) return this.#placeAuthority(entry, standing);
    if (isChain(entry)) return this.#placeLink(entry);
    return this.#placeObserved(entry as Entry<ObservedHeader>);
  }

  #placeAuthority(entry: Entry<AuthorityHeader>, standing: "fresh" | "admitted"): Placement {
    const answer = this.graph.add(entry, standing);
    return answer.state === "admitted" ? { state: "admitted" } : answer;
  }

  #placeLink(entry: Entry<ChainHeader>): Placement {
    const log = recurringHex(entry.header.log);
    const refusal = writerRefusal(this.graph, log, recurringHex(entry.header.key), entry.header.class);
    if (refusal !== null) return refusal;
    let chain = this.chain(log, entry.header.class);
    if (chain !== undefined && this.#states.takes(chain, entry)) {
      const { whole, ...answer } = this.#states.add(chain, entry);
      if (whole !== undefined) this.#keep(whole);
      return answer;
    }
    chain ??= new Chain(this.#keys, entry.header.log, entry.header.class, recurringHex(entry.header.key));
    const answer = chain.add(entry, this.reader);
    if (answer.state === "waiting" && this.#mayBegin(chain, entry)) chain = Chain.beginningWith(this.#keys, entry);
    else if (answer.state !== "admitted") return answer;
    this.#keep(chain);
    if (compareHlc(entry.header.hlc, this.#newest) > 0) this.#newest = entry.header.hlc;
    return { state: "admitted" };
  }

  #keep(chain: Chain): void {
    this.#chains.set(chainId(chain.log, chain.class), chain);
    this.changes.note(chain);
    if (chain.shape === "forked") this.#wasForked = true;
  }

  /**
   * Whether the chain begins here with this link: it did so on the disk, or whoever was asked for it has no more. What
   * gossip brings proves nothing of the kind.
   */
  #mayBegin(known: Chain, entry: Entry<ChainHeader>): boolean {
    if (this.#source === "gossip") return false;
    const stored = this.#source === "disk" ? this.#beginnings.get(chainId(known.log, known.class)) : undefined;
    if (stored !== undefined) return known.size === 0;
    const isBeyond = known.tips.every((tip) => tip.entry.header.seq < entry.header.seq - 1);
    return isBeyond && mayBeginWith(entry, this.#mayBeginBeforeMs());
  }

  #placeObserved(entry: Entry<ObservedHeader>): Placement {
    const log = recurringHex(entry.header.log);
    const refusal = writerRefusal(this.graph, log, recurringHex(entry.header.key), "observed");
    if (refusal !== null) return refusal;
    const next = observe(this.#observed.get(log), this.#outrun.get(log), entry);
    if (next === null) {
      this.#outrun.set(log, entry);
      return { state: "known" };
    }
    this.#observed.set(log, next);
    this.changes.note(log);
    if (next.state === "forked") this.#wasForked = true;
    this.#observedRevision++;
    return { state: "admitted" };
  }

  async #flush(): Promise<void> {
    // Batches that come while one is written go to disk together in the next.
    await this.#write(async () => this.#tell(await this.#unwritten.writeAll((records) => this.#store.write(records))));
  }

  #tell(growths: readonly Growth[]): void {
    for (const growth of growths) for (const listener of this.#listeners) listener(growth);
  }

  /** A ledger begins elsewhere from now on, with this link. */
  #become(chain: Chain, last: Entry<ChainHeader>): void {
    this.#bases.letGo(last);
    this.#keep(chain);
    if (compareHlc(last.header.hlc, this.#newest) > 0) this.#newest = last.header.hlc;
    this.#contents++;
    this.#changed();
  }

  async #write(write: () => Promise<void>): Promise<void> {
    const mine = this.#writing.then(write);
    this.#writing = mine.catch(() => undefined);
    await mine;
  }

  #changed(): void {
    this.#revision++;
    this.#view = null;
  }
}
