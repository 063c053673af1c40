import { concat, equalBytes, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { compareHlc, HLC_ZERO, type Hlc } from "../core/hlc.ts";
import type { Disk, DiskRecord } from "../core/ports/disk.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { View } from "../core/view.ts";
import { AuthorityGraph } from "./authority/graph.ts";
import { type Authority, resolve } from "./authority/resolve.ts";
import { Chain, type ChainLink } from "./chain.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  CLASS_AUDIT,
  CLASS_DESIRED,
  decodeEntry,
  type Entry,
  isAuthority,
  isChain,
  isObserved,
  MAX_OBSERVED_BYTES,
  type ObservedHeader,
  signingMessage,
  SCHEME_ED25519,
} from "./entry/entry.ts";
import { Fold } from "./fold.ts";
import { type ObservedState, observe } from "./observed.ts";
import { EntryStore } from "./store/entry-store.ts";

/**
 * - `admitted`: new, checked and on disk · `known`: was here already · `waiting`: what it builds on is not here yet
 * - `refused`: wrong for ever, for the reason given
 */
export interface Admission {
  readonly id: string;
  readonly state: "admitted" | "known" | "waiting" | "refused";
  readonly reason?: string;
}

/** What became part of the replica in one step, after it was durable. */
export interface Growth {
  readonly entries: readonly Entry[];
  readonly source: GrowthSource;
  /** True if who may do what has changed. */
  readonly authority: boolean;
}

/** - `local`: somebody handed it to this agent, or it wrote it · `gossip` and `exchange`: it came from a peer */
export type GrowthSource = "local" | "gossip" | "exchange";

/** Entries that wait for others: enough for a long reorder, bounded because anybody can send orphans. */
const MAX_WAITING = 1024;
/** From here on the thread pool is faster than checking one by one. */
const POOL_FROM = 8;

/**
 * Everything that one peer knows: the authority graph, the chains and the observed records, admitted by the rules of
 * `trust.md` §3, kept on disk, folded to a {@link View}. No clock, no network, no randomness.
 */
export class Replica {
  readonly mesh: Uint8Array;
  readonly graph: AuthorityGraph;
  readonly #keys: Keys;
  readonly #store: EntryStore;
  readonly #chains = new Map<string, Chain>();
  readonly #observed = new Map<string, ObservedState>();
  readonly #waiting = new Map<string, Entry>();
  /** Those of the waiting entries whose own signature was found good: nobody can make us check them again. */
  #signedWaiting = new Set<string>();
  readonly #fold: Fold;
  #authority: Authority | null = null;
  #newest: Hlc = HLC_ZERO;
  #revision = 0;
  #view: View | null = null;
  #stateHash: { revision: number; hash: Uint8Array } | null = null;
  #unwritten: DiskRecord[] = [];
  #writing: Promise<void> = Promise.resolve();
  #turn: Promise<unknown> = Promise.resolve();
  #damaged: readonly string[] = [];
  #observedRevision = 0;
  readonly #listeners: ((growth: Growth) => void)[] = [];

  constructor(keys: Keys, mesh: Uint8Array, disk: Disk) {
    this.mesh = mesh;
    this.#keys = keys;
    this.graph = new AuthorityGraph(keys, mesh);
    this.#store = new EntryStore(disk, keys);
    this.#fold = new Fold();
  }

  /** Reads the store. Entries were checked when they came in; what is damaged is left out and listed. */
  async load(): Promise<void> {
    const stored = await this.#store.load();
    const place = (bytes: Uint8Array, key: string): void => {
      const entry = this.#parse(bytes);
      if (typeof entry === "string" || this.#place(entry).state === "refused") this.#damaged = [...this.#damaged, key];
    };
    this.#damaged = stored.damaged;
    for (const bytes of stored.authority) place(bytes, "a/");
    for (const bytes of [...stored.chains, ...stored.observed]) place(bytes, "c/");
    this.#unwritten = [];
    this.#authority = null;
    this.#changed();
  }

  /** Records that could not be read at start. */
  get damaged(): readonly string[] {
    return this.#damaged;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Grows only when some node's report changed. */
  get observedRevision(): number {
    return this.#observedRevision;
  }

  get newest(): Hlc {
    return this.#newest;
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
    const turn = this.#turn.then(() => this.#admitNow(batch));
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    const { answers, grown, authority } = await turn;
    if (grown.length > 0) {
      await this.#flush();
      for (const listener of this.#listeners) listener({ entries: grown, source, authority });
    }
    return answers;
  }

  async #admitNow(
    batch: readonly Uint8Array[],
  ): Promise<{ answers: Admission[]; grown: Entry[]; authority: boolean }> {
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
    for (const id of await this.#signed(fresh)) this.#signedWaiting.add(id);
    const grown = this.#placeAll(fresh, this.#signedWaiting, answers);
    this.#signedWaiting = new Set([...this.#signedWaiting].filter((id) => this.#waiting.has(id)));
    const authority = grown.some(isAuthority);
    if (authority) this.#authority = null;
    if (authority || grown.some((entry) => isChain(entry) && entry.header.class === CLASS_DESIRED)) this.#changed();
    return { answers: order.map((id) => answers.get(id) as Admission), grown, authority };
  }

  /** Places what can be placed, again and again as entries that others wait for appear. */
  #placeAll(fresh: readonly Entry[], signed: ReadonlySet<string>, answers: Map<string, Admission>): Entry[] {
    const grown: Entry[] = [];
    let pending = [...new Map([...this.#waiting.values(), ...fresh].map((entry) => [entry.id, entry])).values()];
    this.#waiting.clear();
    for (let progress = true; progress && pending.length > 0; ) {
      progress = false;
      const covered = this.#covered(pending, signed);
      const left: Entry[] = [];
      for (const entry of pending) {
        const answer = covered.has(entry.id)
          ? this.#place(entry)
          : { state: "waiting" as const, reason: "no valid signature covers it" };
        if (answer.state === "waiting") left.push(entry);
        else progress = true;
        if (answer.state === "admitted") grown.push(entry);
        answers.set(entry.id, { id: entry.id, ...answer });
      }
      pending = left;
    }
    for (const entry of pending.slice(-MAX_WAITING)) this.#waiting.set(entry.id, entry);
    for (const entry of pending) {
      const bad = entry.signatures.length > 0 && !signed.has(entry.id);
      // A signature that is wrong will not become right; an unsigned link may still be covered by a later one.
      if (!bad) continue;
      this.#waiting.delete(entry.id);
      answers.set(entry.id, { id: entry.id, state: "refused", reason: "the signature is wrong" });
    }
    return grown;
  }

  has(entry: Entry): boolean {
    if (isAuthority(entry)) return this.graph.find(entry.id) !== undefined;
    if (isChain(entry)) return this.chain(toHex(entry.header.log), entry.header.class)?.find(entry.id) !== undefined;
    const known = this.#observed.get(toHex(entry.header.log));
    if (known === undefined) return false;
    if (known.state === "forked") return true;
    const { header, id } = known.entry;
    return id === entry.id || (entry as Entry<ObservedHeader>).header.seq < header.seq;
  }

  #parse(bytes: Uint8Array): Entry | string {
    try {
      const entry = decodeEntry(this.#keys, bytes);
      const isGenesis = isAuthority(entry) && entry.header.type === "genesis";
      if (!isGenesis && !equalBytes(entry.header.mesh, this.mesh)) return "an entry of another mesh";
      if (isObserved(entry) && bytes.length > MAX_OBSERVED_BYTES) return "an observed record is too large";
      return entry;
    } catch (error) {
      if (error instanceof MalformedError) return error.message;
      throw error;
    }
  }

  /** Ids of chain entries and records that carry a valid signature themselves. (The graph checks authority entries.) */
  async #signed(entries: readonly Entry[]): Promise<ReadonlySet<string>> {
    const items = entries
      .filter((entry) => !isAuthority(entry))
      .flatMap((entry) =>
        entry.signatures
          .filter(({ scheme }) => scheme === SCHEME_ED25519)
          .map(({ bytes }) => ({
            id: entry.id,
            publicKey: entry.header.key,
            message: signingMessage(entry.header.kind, entry.signed),
            signature: bytes,
          })),
      );
    const verdicts =
      items.length < POOL_FROM
        ? items.map((item) => this.#keys.verify(item.publicKey, item.message, item.signature))
        : await this.#keys.verifyAll(items);
    return new Set(items.filter((_, i) => verdicts[i]).map((item) => item.id));
  }

  /** Chain cover: an entry counts as signed when it or a descendant of its chain carries a valid signature. */
  #covered(pending: readonly Entry[], signed: ReadonlySet<string>): ReadonlySet<string> {
    const byId = new Map(pending.map((entry) => [entry.id, entry]));
    const covered = new Set<string>();
    for (const entry of pending) {
      if (isAuthority(entry)) {
        covered.add(entry.id);
        continue;
      }
      if (!signed.has(entry.id)) continue;
      let at: Entry | undefined = entry;
      while (at !== undefined && !covered.has(at.id)) {
        covered.add(at.id);
        at = isChain(at) ? byId.get(toHex(at.header.prev)) : undefined;
      }
    }
    return covered;
  }

  #place(entry: Entry): { state: Admission["state"]; reason?: string } {
    if (isAuthority(entry)) return this.#placeAuthority(entry);
    if (isChain(entry)) return this.#placeLink(entry);
    return this.#placeObserved(entry as Entry<ObservedHeader>);
  }

  #placeAuthority(entry: Entry<AuthorityHeader>): { state: Admission["state"]; reason?: string } {
    const answer = this.graph.add(entry);
    if (answer.state === "admitted") this.#unwritten.push(this.#store.authorityRecord(entry));
    return { state: answer.state, ...(answer.state === "refused" ? { reason: answer.reason } : {}) };
  }

  #placeLink(entry: Entry<ChainHeader>): { state: Admission["state"]; reason?: string } {
    const log = toHex(entry.header.log);
    const refusal = this.#writerRefusal(log, toHex(entry.header.key), entry.header.class);
    if (refusal !== null) return refusal;
    const id = chainId(log, entry.header.class);
    let chain = this.#chains.get(id);
    chain ??= new Chain(this.#keys, entry.header.log, entry.header.class, toHex(entry.header.key));
    const answer = chain.add(entry);
    if (answer.state === "refused") return { state: "refused", reason: answer.reason };
    if (answer.state !== "admitted") return { state: answer.state };
    this.#chains.set(id, chain);
    this.#unwritten.push(this.#store.chainRecord(entry));
    if (compareHlc(entry.header.hlc, this.#newest) > 0) this.#newest = entry.header.hlc;
    return { state: "admitted" };
  }

  #placeObserved(entry: Entry<ObservedHeader>): { state: Admission["state"]; reason?: string } {
    const log = toHex(entry.header.log);
    const refusal = this.#writerRefusal(log, toHex(entry.header.key), "observed");
    if (refusal !== null) return refusal;
    const next = observe(this.#observed.get(log), entry);
    if (next === null) return { state: "known" };
    this.#observed.set(log, next);
    this.#observedRevision++;
    this.#unwritten.push(this.#store.observedRecord(entry, next.state === "forked" ? 1 : 0));
    return { state: "admitted" };
  }

  /** Whether this key may write this class of this log at all; what its writes are worth, the fold decides. */
  #writerRefusal(
    log: string,
    key: string,
    what: number | "observed",
  ): { state: "waiting" | "refused"; reason?: string } | null {
    const opened = this.graph.logs.get(log);
    if (opened === undefined) return { state: "waiting" };
    if (opened.key !== key) return { state: "refused", reason: "written by another key than its log's" };
    const wrong = { state: "refused" as const, reason: `a log of kind ${opened.kind} cannot carry this` };
    if (what === "observed" || what === CLASS_AUDIT) return opened.kind === "node" ? null : wrong;
    if (what === CLASS_DESIRED) return opened.kind === "operator" ? null : wrong;
    return null;
  }

  async #flush(): Promise<void> {
    // Batches that come while one is written go to disk together in the next.
    this.#writing = this.#writing.then(async () => {
      const records = this.#unwritten;
      if (records.length === 0) return;
      this.#unwritten = [];
      try {
        await this.#store.write(records);
      } catch (error) {
        this.#unwritten = [...records, ...this.#unwritten];
        throw error;
      }
    });
    const mine = this.#writing;
    this.#writing = mine.catch(() => undefined);
    await mine;
  }

  #changed(): void {
    this.#revision++;
    this.#view = null;
  }
}

export function chainId(log: string, chainClass: number): string {
  return `${log}/${chainClass}`;
}

/** Digest of the authority tips: the `seen` of a chain entry. */
export function authorityDigest(keys: Pick<Keys, "hash">, graph: AuthorityGraph): Uint8Array {
  const tips = graph.tips.map((tip) => tip.entry.id).sort();
  return keys.hash(concat(...tips.map((id) => graph.find(id)?.entry.hash as Uint8Array)));
}

export function linksOf(chain: Chain | undefined): readonly ChainLink[] {
  return chain?.main ?? [];
}
