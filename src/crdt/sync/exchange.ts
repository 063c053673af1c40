import { concat, equalBytes } from "../../core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../core/encoding.ts";
import type { Exchange, ExchangeOutcome, ExchangeRound } from "../../core/ports/exchange.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { type Chain, chainId, type ChainLink } from "../chain.ts";
import { reportsOf } from "../observed.ts";
import type { Replica } from "../replica.ts";
import { Inventory, type Item, MAX_TIPS, type Tip } from "./inventory.ts";
import {
  bytesOf,
  writeItem,
  writeOffer,
  readOffer,
  readItem,
  readMap,
  readDigest,
  readCount,
  readPlace,
  readList,
  readEntries,
  readWant,
  LOCATOR_LENGTH,
  MAX_CHAINS,
  MAX_REPORTS,
  MAX_PLACES,
  MAX_DIFFERENCES,
  MAX_WALK,
  type StateOffer,
  type ChainWant,
  type Want,
} from "./wire-forms.ts";

/** Entries in one message; what does not fit comes in the next. */
export const MESSAGE_BYTES = 1024 * 1024;
/** A round that has not ended by then starts over later. */
const MAX_STEPS = 64;
/** What is asked for of a ledger in place of its links: a liar could send without end. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;

interface Said {
  readonly contents: number;
  readonly revision: number;
  readonly isInDoubt: boolean;
  readonly root: Uint8Array;
  readonly state: Uint8Array;
  /** The first request of a round. */
  readonly first: Uint8Array;
  /** The answer to a peer with the same root. */
  readonly same: Uint8Array;
}

/**
 * Anti-entropy over two replicas, as a state machine of requests and answers (`docs/protocol/sync.md`). Either side may
 * lie: everything that comes in passes admission, and answers are bounded.
 */
export class ReplicaExchange implements Exchange {
  readonly #replica: Replica;
  readonly #keys: Keys;
  #inventory: { of: number; readonly inventory: Inventory } | null = null;
  /** What this replica says as long as nothing comes to it: mostly peers have the same, and hear it again and again. */
  #said: Said | null = null;

  constructor(replica: Replica, keys: Keys) {
    this.#replica = replica;
    this.#keys = keys;
  }

  get inventory(): Inventory {
    const of = this.#replica.contents;
    if (this.#inventory === null) this.#inventory = { of, inventory: new Inventory(this.#replica, this.#keys) };
    else if (this.#inventory.of !== of) {
      this.#inventory.inventory.update(this.#replica);
      this.#inventory.of = of;
    }
    return this.#inventory.inventory;
  }

  begin(): ExchangeRound {
    return new Round(this, this.#replica);
  }

  async answer(request: Uint8Array): Promise<Uint8Array> {
    const message = readMap(decode(request));
    switch (message.q) {
      case "root":
        return this.#answerRoot(message);
      case "walk":
        return this.#answerWalk(readList(message.places, MAX_PLACES, readPlace));
      case "want": {
        const want = readWant(message);
        await readBelow(this.#replica, want);
        return encode(collect(this.#replica, want));
      }
      case "give":
        await this.#replica.admit(readEntries(message.entries), "exchange");
        return encode({});
      case "state":
        return this.#answerState(readOffer(message.of ?? null), readCount(message.after, MAX_STATE_BYTES));
      default:
        // A later release may ask for more; it reads "not understood" and goes on with what we know.
        return encode({ unknown: true });
    }
  }

  #answerRoot(message: Record<string, Plain | undefined>): Uint8Array {
    const { root, state, same } = this.#say();
    const isSame = message.root instanceof Uint8Array && equalBytes(message.root, root);
    return isSame ? new Uint8Array(same) : encode({ root, state, ...this.#node("") });
  }

  /** The next part of a state; nothing if the ledger begins elsewhere by now. */
  #answerState({ log, class: chainClass, link }: StateOffer, after: number): Uint8Array {
    const handed = this.#replica.stated.handOn(log, chainClass);
    if (handed?.link !== link) return encode({});
    const bytes = handed.bytes();
    const part = bytes.slice(after, after + MESSAGE_BYTES);
    return encode({ part, more: after + part.length < bytes.length });
  }

  #say(): Said {
    const { contents, revision } = this.#replica;
    const { isInDoubt } = this.#replica.stated;
    const said = this.#said;
    if (said?.contents !== contents || said.revision !== revision || said.isInDoubt !== isInDoubt) {
      const root = this.inventory.digest("");
      const state = this.#replica.stateHash();
      // Who knows that more may be known of a ledger than it does has come to something else by right.
      const doubt = isInDoubt ? { doubt: true } : {};
      const [first, same] = [encode({ q: "root", root, state }), encode({ root, state, ...doubt })];
      this.#said = { contents, revision, isInDoubt, root, state, first, same };
    }
    return this.#said as Said;
  }

  /** One node for each place, in that order, as far as they fit. */
  #answerWalk(places: readonly string[]): Uint8Array {
    const nodes: Plain[] = [];
    let size = 0;
    for (const place of places) {
      const node = this.#node(place);
      size += encode(node).length;
      if (nodes.length > 0 && size > MESSAGE_BYTES) break;
      nodes.push(node);
    }
    return encode({ nodes });
  }

  #node(prefix: string): Record<string, Plain> {
    if (this.inventory.isLeaf(prefix)) {
      return { items: this.inventory.under(prefix).map(writeItem) };
    }
    return { children: this.inventory.children(prefix) };
  }

  firstRequest(): Uint8Array {
    return new Uint8Array(this.#say().first);
  }
}

class Round implements ExchangeRound {
  readonly request: Uint8Array;
  readonly #exchange: ReplicaExchange;
  readonly #replica: Replica;
  /** What the replica stood for when the round began: the answer to the root speaks of that. */
  readonly #state: Uint8Array;
  /** Whether the replica was sure of that; by now it may be, and stand for something else. */
  readonly #standing: "sure" | "in doubt";
  #places: string[] = [];
  #asked: readonly string[] = [];
  #walked = 0;
  #differences = 0;
  readonly #want: { authority: string[]; chains: Pick<ChainWant, "log" | "class">[]; observed: string[] } = {
    authority: [],
    chains: [],
    observed: [],
  };
  #give: Run[] = [];
  readonly #theirTips = new Map<string, readonly Tip[]>();
  readonly #offers = new Map<string, StateOffer>();
  #taking: { readonly of: StateOffer; readonly parts: Uint8Array[] } | null = null;
  #phase: "root" | "walk" | "want" | "state" | "give" = "root";
  /** Of the ledgers that are wanted: what lies beyond their ends, or what lies below their states. */
  #side: "beyond" | "below" = "beyond";
  #steps = 0;
  #verdict: ExchangeOutcome["verdict"] = "same";
  #received = 0;
  #sent = 0;

  constructor(exchange: ReplicaExchange, replica: Replica) {
    this.#exchange = exchange;
    this.#replica = replica;
    this.#state = replica.stateHash();
    this.#standing = replica.stated.isInDoubt ? "in doubt" : "sure";
    this.request = exchange.firstRequest();
  }

  get outcome(): ExchangeOutcome {
    return { verdict: this.#verdict, received: this.#received, sent: this.#sent };
  }

  async next(answer: Uint8Array): Promise<Uint8Array | null> {
    if (++this.#steps > MAX_STEPS) return null;
    const message = readMap(decode(answer));
    switch (this.#phase) {
      case "root": {
        if (message.items === undefined && message.children === undefined) {
          if (!(message.state instanceof Uint8Array)) throw new MalformedError("not an answer");
          if (!equalBytes(message.state, this.#state) && message.doubt !== true && this.#standing === "sure") {
            this.#replica.stated.dispute();
            if (!this.#replica.stated.isInDoubt) this.#verdict = "diverged";
          }
          return this.#sendWantBelow();
        }
        this.#verdict = "exchanged";
        this.#compare("", message);
        return this.#proceed();
      }
      case "walk": {
        const nodes = readList(message.nodes, this.#asked.length, readMap);
        for (const [i, node] of nodes.entries()) this.#compare(this.#asked[i] as string, node);
        // A peer that answers none of the places is not asked for the others.
        if (nodes.length === 0) this.#places = [];
        else this.#places.unshift(...this.#asked.slice(nodes.length));
        return this.#proceed();
      }
      case "want": {
        const entries = readEntries(message.entries);
        const admitted = await this.#replica.admit(entries, "exchange");
        const fresh = admitted.filter(({ state }) => state === "admitted").length;
        this.#received += fresh;
        for (const offer of readList(message.states ?? [], MAX_CHAINS, readOffer)) {
          this.#offers.set(chainId(offer.log, offer.class), offer);
        }
        // A peer that keeps sending what changes nothing is not asked again in this round.
        if (message.more === true && fresh > 0) return this.#sendWant();
        return this.#sendWantState();
      }
      case "state":
        return this.#takePart(message);
      case "give":
        return this.#sendGive();
    }
  }

  #compare(place: string, node: Record<string, Plain | undefined>): void {
    const { inventory } = this.#exchange;
    if (node.children === undefined) {
      this.#compareItems(inventory.under(place), readList(node.items, 4096, readItem));
      return;
    }
    const children = readList(node.children, 16, readDigest);
    if (children.length !== 16 || place.length >= 64) throw new MalformedError("not a node of the tree");
    for (const [i, own] of inventory.children(place).entries()) {
      if (!equalBytes(children[i] as Uint8Array, own) && ++this.#walked <= MAX_WALK)
        this.#places.push(place + i.toString(16));
    }
  }

  #compareItems(own: readonly Item[], theirs: readonly Item[]): void {
    const mine = new Map(own.map((item) => [itemName(item), item]));
    for (const item of theirs) {
      const known = mine.get(itemName(item));
      mine.delete(itemName(item));
      this.#compareItem(known, item);
    }
    for (const item of mine.values()) this.#compareItem(item, undefined);
  }

  #compareItem(mine: Item | undefined, theirs: Item | undefined): void {
    const item = (theirs ?? mine) as Item;
    if (++this.#differences > MAX_DIFFERENCES) return;
    switch (item.kind) {
      case "authority":
        if (mine === undefined) this.#want.authority.push(item.id);
        else if (theirs === undefined) this.#giveAuthority(item.id);
        break;
      case "chain": {
        const chain = this.#replica.chain(item.log, item.class);
        const tips = theirs?.kind === "chain" ? theirs.tips : [];
        if (mine?.kind === "chain" && isSame(mine.tips, tips)) break;
        this.#theirTips.set(chainId(item.log, item.class), tips);
        if (tips.some(({ id }) => chain?.find(id) === undefined)) {
          this.#want.chains.push({ log: item.log, class: item.class });
        }
        break;
      }
      case "observed": {
        const known = this.#replica.observed.get(item.log);
        const own = known === undefined ? [] : reportsOf(known);
        const their = theirs?.kind === "observed" ? theirs.versions : [];
        // Two versions are the proof of a fork, and one proof is as good as another.
        if (own.length === 2 && their.length === 2) break;
        const latest = (versions: readonly { readonly seq: number }[]) =>
          Math.max(0, ...versions.map(({ seq }) => seq));
        const [mineAt, theirsAt] = [latest(own.map(({ header }) => header)), latest(their)];
        const differ = own[0]?.id !== their[0]?.id;
        if (their.length === 2 || (own.length < 2 && differ && theirsAt >= mineAt)) this.#want.observed.push(item.log);
        if (own.length === 2 || (their.length < 2 && differ && mineAt >= theirsAt)) {
          if (own.length > 0) this.#give.push(own.map(({ bytes }) => bytes));
        }
        break;
      }
    }
  }

  #giveAuthority(id: string): void {
    const node = this.#replica.graph.find(id);
    if (node !== undefined) this.#give.push([node.entry.bytes]);
  }

  #proceed(): Uint8Array | null {
    this.#asked = this.#places.splice(0, MAX_PLACES);
    if (this.#asked.length > 0) {
      this.#phase = "walk";
      return encode({ q: "walk", places: this.#asked });
    }
    const { authority, chains, observed } = this.#want;
    if (authority.length + chains.length + observed.length > 0) return this.#sendWant();
    return this.#sendGive();
  }

  /** Asks for a state with which a ledger can begin here that the peer has only from there on. */
  #sendWantState(): Uint8Array | null {
    for (const [name, offer] of this.#offers) {
      this.#offers.delete(name);
      if (!this.#replica.stated.wouldBeginAt(offer.log, offer.class, offer.seq, offer.link)) continue;
      this.#phase = "state";
      this.#taking = { of: offer, parts: [] };
      return encode({ q: "state", of: writeOffer(offer), after: 0 });
    }
    return this.#sendWantBelow();
  }

  async #takePart(message: Record<string, Plain | undefined>): Promise<Uint8Array | null> {
    const taking = this.#taking;
    if (taking === null || !(message.part instanceof Uint8Array)) return this.#sendWantState();
    const { of, parts } = taking;
    parts.push(message.part);
    const after = parts.reduce((sum, { length }) => sum + length, 0);
    if (after > MAX_STATE_BYTES) throw new MalformedError("a state without end");
    if (message.more === true && message.part.length > 0) return encode({ q: "state", of: writeOffer(of), after });
    this.#taking = null;
    await this.#replica.stated.beginAt(of.log, of.class, concat(...parts), of.link);
    this.#received++;
    // What lies beyond it, and perhaps other ledgers.
    return this.#sendWant();
  }

  /** Asks for all links of ledgers that begin with a state, where that may say too little. */
  #sendWantBelow(): Uint8Array | null {
    const wanted = this.#side === "beyond" ? this.#replica.stated.wanted() : [];
    if (wanted.length === 0) return this.#sendGive();
    this.#side = "below";
    this.#want.authority = [];
    this.#want.observed = [];
    this.#want.chains = wanted.map(({ log, class: chainClass }) => ({ log, class: chainClass }));
    return this.#sendWant();
  }

  #sendWant(): Uint8Array {
    this.#phase = "want";
    const have = new Set(this.#replica.graph.entries.map(({ entry }) => entry.id));
    return encode({
      q: "want",
      authority: this.#want.authority.filter((id) => !have.has(id)).map(bytesOf),
      chains: this.#want.chains.slice(0, MAX_CHAINS).map(({ log, class: chainClass }) => ({
        log: bytesOf(log),
        class: chainClass,
        have: this.#have(log, chainClass).map(bytesOf),
      })),
      observed: this.#want.observed.slice(0, MAX_REPORTS).map(bytesOf),
    });
  }

  #have(log: string, chainClass: number): string[] {
    if (this.#side === "beyond") return locator(this.#replica.chain(log, chainClass));
    const wanted = this.#replica.stated.wanted().find((one) => one.log === log && one.class === chainClass);
    return locator(wanted === undefined ? this.#replica.chain(log, chainClass) : wanted.below);
  }

  #sendGive(): Uint8Array | null {
    if (this.#phase !== "give") {
      this.#phase = "give";
      for (const [name, tips] of this.#theirTips) {
        const chain = this.#replica.chains.get(name);
        // Of a chain whose tips mean nothing here, or that is not here as a whole, the peer asks itself for what it lacks.
        const isFromNothing = tips.length === 0 && chain?.below === 0;
        if (!isFromNothing && tips.every(({ id }) => chain?.find(id) === undefined)) continue;
        if (chain !== undefined) this.#give.push(...linksBeyond(chain, new Set(tips.map(({ id }) => id))));
      }
    }
    if (this.#give.length === 0) return null;
    const runs = this.#give.splice(0, fitting(this.#give));
    const entries = runs.flat();
    this.#sent += entries.length;
    return encode({ q: "give", entries });
  }
}

/** Entries that only count together: links without a signature and the one that covers them. */
type Run = readonly Uint8Array[];

/** How many of the runs one message holds; at least one. */
function fitting(runs: readonly Run[]): number {
  let size = 0;
  const count = runs.findIndex((run, i) => {
    size += run.reduce((sum, bytes) => sum + bytes.length, 0);
    return i > 0 && size > MESSAGE_BYTES;
  });
  return count === -1 ? runs.length : count;
}

/** Chains whose base begins after all that the peer has of them are read from the disk. */
async function readBelow(replica: Replica, { chains }: Want): Promise<void> {
  const asked = new Map(chains.map((want) => [chainId(want.log, want.class), want.have]));
  await replica.makeWhole((chain) => {
    const have = asked.get(chainId(chain.log, chain.class));
    return have !== undefined && have.every((id) => chain.find(id) === undefined);
  });
}

/** The answer to a want: authority entries in causal order, then chains, then records, as far as they fit. */
function collect(replica: Replica, want: Want): { entries: Uint8Array[]; more: boolean; states?: Plain } {
  const runs: Run[] = [];
  const states: Plain[] = [];
  const nodes = want.authority.flatMap((id) => replica.graph.find(id) ?? []);
  for (const node of nodes.sort((a, b) => a.index - b.index)) runs.push([node.entry.bytes]);
  for (const { log, class: chainClass, have } of want.chains) {
    const chain = replica.chain(log, chainClass);
    if (chain === undefined) continue;
    const handed = replica.stated.handOn(log, chainClass);
    // What it begins with here is nothing that the peer has: links from there on would tell it nothing.
    if (handed !== null && have.every((id) => chain.find(id) === undefined)) {
      states.push(writeOffer({ log, class: chainClass, seq: handed.seq, link: handed.link }));
    } else runs.push(...linksBeyond(chain, new Set(have)));
  }
  for (const log of want.observed) {
    const observed = replica.observed.get(log);
    if (observed !== undefined) runs.push(reportsOf(observed).map(({ bytes }) => bytes));
  }
  const count = fitting(runs);
  const entries = runs.slice(0, count).flat();
  return { entries, more: count < runs.length, ...(states.length === 0 ? {} : { states }) };
}

/** Entries of the chain that do not lie behind one of the known ones, every one after its predecessor. */
function linksBeyond(chain: Chain, known: ReadonlySet<string>): Run[] {
  if (chain.shape === "line") {
    // A peer that is behind is mostly behind by little: the rest of a long chain need not be walked.
    const path: ChainLink[] = [];
    for (let at = chain.tips[0] ?? null; at !== null && !known.has(at.entry.id); at = at.prev) path.push(at);
    return runsOf(path.reverse());
  }
  const passed = new Set<ChainLink>();
  /** From a link backwards to the first that was passed before. */
  const passFrom = (link: ChainLink | null): ChainLink[] => {
    const path: ChainLink[] = [];
    for (let at = link; at !== null && !passed.has(at); at = at.prev) {
      passed.add(at);
      path.push(at);
    }
    return path;
  };
  for (const id of known) passFrom(chain.find(id) ?? null);
  return chain.tips.flatMap((tip) => runsOf(passFrom(tip).reverse()));
}

function runsOf(path: readonly ChainLink[]): Run[] {
  const runs: Run[] = [];
  let run: Uint8Array[] = [];
  for (const { entry } of path) {
    run.push(entry.bytes);
    if (entry.signatures.length === 0) continue;
    runs.push(run);
    run = [];
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

/** Lists of full length may be cut short: then the rest may differ. */
function isSame(a: readonly Tip[], b: readonly Tip[]): boolean {
  return a.length < MAX_TIPS && a.length === b.length && a.every(({ id }, i) => id === b[i]?.id);
}

/** Ids along the own chain, the newest first, ever further apart. */
function locator(chain: Chain | undefined): string[] {
  const main = chain?.main ?? [];
  const ids = (chain?.tips ?? []).slice(0, MAX_TIPS / 2).map(({ entry }) => entry.id);
  let step = 1;
  for (let i = main.length - 1; i >= 0 && ids.length < LOCATOR_LENGTH; i -= step) {
    ids.push(main[i]?.entry.id as string);
    if (ids.length > 8) step *= 2;
  }
  return [...new Set(ids)];
}

/** The kind is part of it: the log of an enrolled node is called as the entry that opened it. */
function itemName(item: Item): string {
  switch (item.kind) {
    case "authority":
      return `authority ${item.id}`;
    case "chain":
      return `chain ${item.log} ${item.class}`;
    case "observed":
      return `observed ${item.log}`;
  }
}
