import { equalBytes, fromHex, toHex } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { joinMessage } from "../../core/enrolment.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { recurringHex } from "../../core/recurring-hex.ts";
import { type EntryReader, entryReader } from "../entry-reader.ts";
import { type AuthorityHeader, bareEntry, type Entry, ZERO_HASH } from "../entry/entry.ts";
import { carriesValidSignature, isSignatureOf } from "../entry/signatures.ts";
import {
  type AuthorityBody,
  type CutBody,
  decodeBody,
  encodeBody,
  type GenesisBody,
  RIGHTS,
  type Right,
  type UnroleBody,
} from "./bodies.ts";
import { genesisLog, redeemedNodeLog, redeemedRoleLog, rootLog } from "./identifiers.ts";

interface OpenedBase {
  readonly key: string;
  /** The opening entry: what a cut must lie in the past of to count as known. Of a redeemed log it is the token. */
  readonly opening: number;
  /**
   * The entries that brought the log about, one of which lies in the past of all that is written to it. Several only
   * if one key redeemed one token more than once.
   */
  readonly openers: readonly number[];
}

/** What kind of log an entry opened, fixed for the log's life by that entry alone. */
export type OpenedLog =
  | (OpenedBase & { readonly kind: "operator"; readonly rights: readonly Right[] })
  | (OpenedBase & { readonly kind: "node" })
  | (OpenedBase & { readonly kind: "role"; readonly label: string; readonly node: string });

export interface GraphEntry {
  readonly index: number;
  readonly entry: Entry<AuthorityHeader>;
  readonly body: AuthorityBody;
  /** Hex of the log it was written to; for the genesis entry "". */
  readonly log: string;
  /** Hex of the writer's key. */
  readonly key: string;
  /** Bit i is set if entry i is an ancestor, through parents; `all` before it are, as mostly: then no bits are kept. */
  readonly past: Uint32Array | "all";
}

/** What keeps an entry out of the graph: waiting for another entry, or wrong for ever. */
export type GraphAnswer =
  | { readonly state: "admitted"; readonly node: GraphEntry }
  | { readonly state: "known" }
  | { readonly state: "waiting"; readonly missing: readonly string[] }
  | { readonly state: "refused"; readonly reason: string };

/**
 * The causal graph of authority entries. Admission here is steps 3 to 6 of `trust.md` §3: it depends on an entry and
 * its ancestors alone, never on the order of arrival; who has which power is decided in `resolve.ts`.
 */
export class AuthorityGraph {
  readonly #keys: Keys;
  readonly #mesh: Uint8Array;
  readonly #reader: EntryReader;
  readonly #entries: GraphEntry[] = [];
  readonly #byId = new Map<string, GraphEntry>();
  readonly #logs = new Map<string, OpenedLog>();
  /** Entries that no other entry names as a parent. */
  readonly #tips = new Set<number>();
  readonly #supposed = new Set<number>();

  constructor(keys: Keys, mesh: Uint8Array, reader: EntryReader = entryReader(keys)) {
    this.#keys = keys;
    this.#mesh = mesh;
    this.#reader = reader;
  }

  get entries(): readonly GraphEntry[] {
    return this.#entries;
  }

  get logs(): ReadonlyMap<string, OpenedLog> {
    return this.#logs;
  }

  get tips(): readonly GraphEntry[] {
    return [...this.#tips].map((index) => this.#entries[index] as GraphEntry);
  }

  find(id: string): GraphEntry | undefined {
    return this.#byId.get(id);
  }

  at(index: number): GraphEntry {
    const found = this.#entries[index];
    if (found === undefined) throw new Error(`no authority entry ${index}`);
    return found;
  }

  /**
   * The same graph with one act more at its end, after everything that is known, which nobody has signed: for asking
   * what it would do. It counts as approved.
   */
  supposing(log: string, body: CutBody | UnroleBody): AuthorityGraph {
    const graph = new AuthorityGraph(this.#keys, this.#mesh, this.#reader);
    graph.#entries.push(...this.#entries);
    for (const [id, node] of this.#byId) graph.#byId.set(id, node);
    for (const [id, opened] of this.#logs) graph.#logs.set(id, opened);
    const key = fromHex(this.#logs.get(log)?.key ?? "") as Uint8Array;
    const place = { kind: "authority", mesh: this.#mesh, key, log: fromHex(log) as Uint8Array } as const;
    const entry = bareEntry(this.#keys, { ...place, parents: [], type: body.type }, encodeBody(body));
    for (const index of this.#supposed) graph.#supposed.add(index);
    graph.#supposed.add(graph.#append(entry, body, log, this.tips).index);
    return graph;
  }

  /** Whether nobody has signed the act at this index. */
  isSupposed(index: number): boolean {
    return this.#supposed.has(index);
  }

  /** True if `ancestor` is in the past of `index`. An entry is not in its own past. */
  isPast(ancestor: number, index: number): boolean {
    return hasInPast(this.at(index), ancestor);
  }

  /** `admitted` means that this was done before, and spares what depends on the entry alone: signatures and keys. */
  add(entry: Entry<AuthorityHeader>, standing: "fresh" | "admitted" = "fresh"): GraphAnswer {
    if (this.#byId.has(entry.id)) return { state: "known" };
    try {
      return entry.header.type === "genesis" ? this.#addGenesis(entry) : this.#addChild(entry, standing);
    } catch (error) {
      if (error instanceof MalformedError) return { state: "refused", reason: error.message };
      throw error;
    }
  }

  #addGenesis(entry: Entry<AuthorityHeader>): GraphAnswer {
    if (!equalBytes(entry.hash, this.#mesh)) return { state: "refused", reason: "genesis of another mesh" };
    const body = readGenesis(this.#keys, entry);
    const node = this.#append(entry, body, "", []);
    const open = (log: Uint8Array, key: Uint8Array, rights: readonly Right[]): void => {
      const openers = [node.index];
      this.#logs.set(toHex(log), { kind: "operator", key: toHex(key), opening: node.index, openers, rights });
    };
    for (const key of body.root.keys) open(rootLog(this.#keys, entry.hash, key), key, RIGHTS);
    for (const { key, rights } of body.founders) open(genesisLog(this.#keys, entry.hash, key), key, rights);
    return { state: "admitted", node };
  }

  #addChild(entry: Entry<AuthorityHeader>, standing: "fresh" | "admitted"): GraphAnswer {
    const { header } = entry;
    if (!equalBytes(header.mesh, this.#mesh)) return { state: "refused", reason: "an entry of another mesh" };
    const body = this.#reader.body(entry);
    const missing = header.parents.map(toHex).filter((parent) => !this.#byId.has(parent));
    if (missing.length > 0) return { state: "waiting", missing };
    const parents = header.parents.map((parent) => this.#byId.get(toHex(parent)) as GraphEntry);

    const log = recurringHex(header.log);
    const opened = this.#logs.get(log);
    // What opened a log is in the past of everything in it, so with all parents here it is here, too.
    if (opened?.openers.some((opener) => areOrKnow(parents, opener)) !== true) {
      return { state: "refused", reason: "its log was opened by nothing in its past" };
    }
    if (opened.key !== recurringHex(header.key))
      return { state: "refused", reason: "written by another key than its log's" };
    if (standing === "fresh") {
      if (!carriesValidSignature(this.#keys, entry)) return { state: "refused", reason: "the signature is wrong" };
      const refusal = this.#refusal(body, opened, log, parents);
      if (refusal !== null) return { state: "refused", reason: refusal };
    }

    const node = this.#append(entry, body, log, parents);
    this.#open(node);
    return { state: "admitted", node };
  }

  /** Whether this type may stand in this log at all, whatever became of the log's power. */
  #refusal(body: AuthorityBody, opened: OpenedLog, log: string, parents: readonly GraphEntry[]): string | null {
    switch (opened.kind) {
      case "node":
        return "a node's log carries no authority";
      case "role":
        if (body.type === "unknown") return null;
        if (body.type !== "redeem" || opened.label !== "coordinator") return `a role's log cannot carry ${body.type}`;
        break;
      case "operator":
        if (body.type === "redeem") return "only the issuing coordinator redeems a token";
        if (body.type !== "unknown" && !opened.rights.includes("admin")) return "its log has no right to administer";
        break;
    }
    switch (body.type) {
      case "grant":
        return this.#keys.isSafeKey(body.key) ? null : "the key is not a safe Ed25519 key";
      case "enrol":
        return this.#joinRefusal(body);
      case "redeem": {
        const token = this.#byId.get(toHex(body.token));
        if (token?.body.type !== "token" || !areOrKnow(parents, token.index)) return "its token is not in its past";
        if (toHex(token.body.issuer) !== log) return "only the token's issuer redeems it";
        if (token.body.name !== null && token.body.name !== body.name) return "the token is for another name";
        return this.#joinRefusal(body);
      }
      case "role":
      case "unrole": {
        const node = this.#logs.get(toHex(body.node));
        const known = node?.kind === "node" && node.openers.some((opener) => areOrKnow(parents, opener));
        return known ? null : "its node is not in its past";
      }
      default:
        return null;
    }
  }

  #joinRefusal(joiner: { key: Uint8Array; seal: string; proof: Uint8Array }): string | null {
    const message = joinMessage(this.#mesh, joiner.key, joiner.seal);
    return this.#keys.verify(joiner.key, message, joiner.proof) ? null : "the node's own proof is wrong";
  }

  #open({ index, entry, body }: GraphEntry): void {
    const base = { opening: index, openers: [index] };
    switch (body.type) {
      case "grant":
        this.#logs.set(entry.id, { kind: "operator", key: toHex(body.key), rights: body.rights, ...base });
        break;
      case "enrol":
        this.#logs.set(entry.id, { kind: "node", key: toHex(body.key), ...base });
        break;
      case "redeem": {
        const key = toHex(body.key);
        const token = this.#byId.get(toHex(body.token)) as GraphEntry;
        const node = toHex(redeemedNodeLog(this.#keys, body.token, body.key));
        // A second redemption by the same key is the same node.
        const openers = [...(this.#logs.get(node)?.openers ?? []), index];
        const redeemed = { key, opening: token.index, openers };
        this.#logs.set(node, { kind: "node", ...redeemed });
        for (const label of token.body.type === "token" ? token.body.roles : []) {
          const log = toHex(redeemedRoleLog(this.#keys, body.token, body.key, label));
          this.#logs.set(log, { kind: "role", label, node, ...redeemed });
        }
        break;
      }
      case "role": {
        const node = toHex(body.node);
        const key = this.#logs.get(node)?.key;
        if (key !== undefined) this.#logs.set(entry.id, { kind: "role", key, label: body.label, node, ...base });
        break;
      }
      default:
        break;
    }
  }

  #append(entry: Entry<AuthorityHeader>, body: AuthorityBody, log: string, direct: readonly GraphEntry[]): GraphEntry {
    const index = this.#entries.length;
    for (const parent of direct) this.#tips.delete(parent.index);
    const past = this.#tips.size === 0 ? "all" : pastOf(direct, index);
    const node: GraphEntry = { index, entry, body, log, key: recurringHex(entry.header.key), past };
    this.#entries.push(node);
    this.#byId.set(entry.id, node);
    this.#tips.add(index);
    return node;
  }
}

/** One of the entries is the one at `index`, or has it in its past. */
function areOrKnow(entries: readonly GraphEntry[], index: number): boolean {
  return entries.some((entry) => entry.index === index || hasInPast(entry, index));
}

function hasInPast({ index, past }: GraphEntry, ancestor: number): boolean {
  if (past === "all") return ancestor < index;
  return (((past[ancestor >> 5] ?? 0) >>> (ancestor & 31)) & 1) === 1;
}

/** Of an entry with these parents. */
function pastOf(parents: readonly GraphEntry[], index: number): Uint32Array {
  const bits = new Uint32Array((index >> 5) + 1);
  for (const parent of parents) {
    const { past } = parent;
    if (past === "all") for (let i = 0; i < parent.index; i++) setBit(bits, i);
    else for (let word = 0; word < past.length; word++) bits[word] = (bits[word] ?? 0) | (past[word] ?? 0);
    setBit(bits, parent.index);
  }
  return bits;
}

function setBit(bits: Uint32Array, index: number): void {
  bits[index >> 5] = (bits[index >> 5] ?? 0) | (1 << (index & 31));
}

/** Root keys first, then the founders that are not among them: the order of the genesis entry's signatures. */
export function genesisKeys(body: GenesisBody): Uint8Array[] {
  const seen = new Set<string>();
  return [...body.root.keys, ...body.founders.map((founder) => founder.key)].filter((key) => {
    const hex = toHex(key);
    if (seen.has(hex)) return false;
    seen.add(hex);
    return true;
  });
}

/** Parses a genesis entry and checks that every key in it signed. Throws {@link MalformedError}. */
export function readGenesis(keys: Keys, entry: Entry<AuthorityHeader>): GenesisBody {
  const body = decodeBody("genesis", entry.payload);
  if (body.type !== "genesis" || entry.header.type !== "genesis") throw new MalformedError("not a genesis entry");
  if (entry.header.parents.length > 0) throw new MalformedError("genesis has no parents");
  if (!equalBytes(entry.header.mesh, ZERO_HASH) || !equalBytes(entry.header.log, ZERO_HASH)) {
    throw new MalformedError("genesis belongs to no mesh and no log");
  }
  const all = genesisKeys(body);
  const { k } = body.root;
  if (all.length === 0 || k < 1 || k > body.root.keys.length) throw new MalformedError("the root quorum is impossible");
  if (!equalBytes(entry.header.key, all[0] as Uint8Array)) throw new MalformedError("genesis names another first key");
  const signed = all.every((key, i) => {
    const signature = entry.signatures[i];
    return signature !== undefined && isSignatureOf(keys, key, entry, signature);
  });
  if (!signed || entry.signatures.length !== all.length)
    throw new MalformedError("genesis is not signed by all its keys");
  return body;
}
