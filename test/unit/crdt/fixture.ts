import { createHash } from "node:crypto";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { joinMessage } from "../../../src/core/enrolment.ts";
import { compareHlc, type Hlc, nextHlc } from "../../../src/core/hlc.ts";
import type { Json } from "../../../src/core/json.ts";
import type { Disk } from "../../../src/core/ports/disk.ts";
import type { Signer } from "../../../src/core/ports/keys.ts";
import { Secret } from "../../../src/core/secret.ts";
import type {
  CutBody,
  Founder,
  GenesisBody,
  GrantBody,
  Keep,
  KnownBody,
  TokenBody,
} from "../../../src/crdt/authority/bodies.ts";
import { genesisLog, redeemedNodeLog, redeemedRoleLog, rootLog } from "../../../src/crdt/authority/identifiers.ts";
import {
  composeAuthority,
  composeGenesis,
  composeLink,
  composeObserved,
  positionIn,
} from "../../../src/crdt/compose.ts";
import {
  type AuthorityHeader,
  CLASS_AUDIT,
  CLASS_DESIRED,
  type ChainHeader,
  type Entry,
} from "../../../src/crdt/entry/entry.ts";
import { sealEntry } from "../../../src/crdt/entry/signatures.ts";
import { DocumentCursor } from "../../../src/crdt/ledger/document-cursor.ts";
import type { LedgerWrite } from "../../../src/crdt/ledger/update-codec.ts";
import { authorityDigest } from "../../../src/crdt/authority-digest.ts";
import type { Admission } from "../../../src/crdt/admission.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import { createKeys } from "../../../src/node/platform/keys.ts";

export const keys = createKeys();
export const AT = 1_800_000_000_000;
const ONE = { admin: 1, destroy: 1 };

export function bytesFor(name: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(name).digest());
}

export function signerOf(name: string): Signer {
  return keys.signer(new Secret(bytesFor(`seed of ${name}`)));
}

/** A recipient in form only: nothing here seals. */
export function sealOf(name: string): string {
  return `age1${toHex(bytesFor(`seal of ${name}`)).slice(0, 58)}`;
}

/** Somebody who writes to one log. */
export interface Author {
  readonly name: string;
  readonly signer: Signer;
  readonly log: Uint8Array;
}

/** Somebody's node with the roles that came with its token, by label. */
export interface NodeAuthor extends Author {
  readonly entry: Entry<AuthorityHeader>;
  readonly roles: Readonly<Record<string, Uint8Array>>;
}

export interface Founding {
  readonly genesis: Entry<AuthorityHeader>;
  readonly founders: Readonly<Record<string, Author>>;
  readonly root: Author;
}

export interface FoundingOptions {
  readonly founders?: Readonly<Record<string, Partial<Founder>>>;
  readonly rootKeys?: readonly string[];
  readonly k?: number;
}

/** A mesh whose founder is alice and whose root is the recovery code, unless said otherwise. */
export function found({ founders = { alice: {} }, rootKeys = ["root"], k = 1 }: FoundingOptions = {}): Founding {
  const names = Object.keys(founders);
  const body: GenesisBody = {
    type: "genesis",
    name: "homelab",
    root: { keys: rootKeys.map((name) => signerOf(name).publicKey), k },
    founders: names.map((name) => ({
      key: signerOf(name).publicKey,
      name,
      rights: ["admin", "ops", "destroy"],
      need: ONE,
      ...founders[name],
    })),
    recovery: null,
    nonce: bytesFor("nonce"),
    at: AT,
  };
  const [first = "", ...others] = [...new Set([...rootKeys, ...names])];
  const genesis = composeGenesis(keys, body, [signerOf(first), ...others.map(signerOf)]);
  const founderOf = (name: string): Author => {
    const signer = signerOf(name);
    return { name, signer, log: genesisLog(keys, genesis.hash, signer.publicKey) };
  };
  const root = signerOf(first);
  return {
    genesis,
    founders: Object.fromEntries(names.map((name) => [name, founderOf(name)])),
    root: { name: "root", signer: root, log: rootLog(keys, genesis.hash, root.publicKey) },
  };
}

export function memoryDisk(seed = "disk"): SimDisk {
  return new SimDisk({ random: seededRandom(seed) });
}

export interface WriteOptions {
  /** What the writer's clock says; without it, a little later than all that was written before. */
  readonly atMs?: number;
  readonly more?: number;
  readonly over?: readonly string[];
  /** Default: desired state. */
  readonly class?: number;
}

/** One peer's replica, and what people say who know what it knows. */
export class Peer {
  readonly replica: Replica;
  readonly mesh: Uint8Array;
  #latest: Hlc = { ms: AT, count: 0 };

  constructor(genesis: Entry, disk: Disk = memoryDisk()) {
    this.mesh = genesis.hash;
    this.replica = new Replica(keys, genesis.hash, disk);
  }

  static async of(founding: Founding, disk?: Disk): Promise<Peer> {
    const peer = new Peer(founding.genesis, disk);
    await peer.take([founding.genesis]);
    return peer;
  }

  /** Another peer that knows the same. */
  async twin(disk?: Disk): Promise<Peer> {
    const peer = new Peer({ hash: this.mesh } as Entry, disk);
    await peer.take(this.entries());
    peer.#latest = this.#latest;
    return peer;
  }

  /** Everything that this peer knows, each after what it builds on. */
  entries(): Entry[] {
    return [
      ...this.replica.graph.entries.map(({ entry }) => entry),
      ...[...this.replica.chains.values()].flatMap((chain) => chain.links().map(({ entry }) => entry)),
    ];
  }

  admit(entries: readonly Entry[]): Promise<Admission[]> {
    return this.replica.admit(
      entries.map(({ bytes }) => bytes),
      "local",
    );
  }

  /** Admits what has to be admissible. */
  async take(entries: readonly Entry[]): Promise<void> {
    for (const { state, reason } of await this.admit(entries)) {
      if (state !== "admitted" && state !== "known") throw new Error(`${state}: ${reason}`);
    }
  }

  async learnFrom(...others: readonly Peer[]): Promise<void> {
    for (const other of others) await this.take(other.entries());
  }

  compose(author: Author, body: KnownBody, parents?: readonly Entry[]): Entry<AuthorityHeader> {
    const position = positionIn(this.replica.graph, this.mesh, author.log);
    const named = parents === undefined ? position : { ...position, parents: parents.map(({ hash }) => hash) };
    return composeAuthority(keys, named, body, author.signer);
  }

  async say(author: Author, body: KnownBody, parents?: readonly Entry[]): Promise<Entry<AuthorityHeader>> {
    const entry = this.compose(author, body, parents);
    await this.take([entry]);
    return entry;
  }

  async grant(by: Author, name: string, grant: Partial<GrantBody> = {}): Promise<Author> {
    const signer = signerOf(name);
    const entry = await this.say(by, { ...grantBody(name), ...grant });
    return { name, signer, log: entry.hash };
  }

  async cut(by: Author, whom: Author, keeps: readonly Keep[] = []): Promise<Entry<AuthorityHeader>> {
    return this.say(by, cutBody(whom, keeps));
  }

  async enrol(by: Author, name: string, key = name): Promise<NodeAuthor> {
    const entry = await this.say(by, { type: "enrol", name, ...this.joiner(key), at: AT });
    return { name, signer: signerOf(key), log: entry.hash, entry, roles: {} };
  }

  joiner(key: string): { key: Uint8Array; seal: string; proof: Uint8Array } {
    const signer = signerOf(key);
    const seal = sealOf(key);
    return { key: signer.publicKey, seal, proof: signer.sign(joinMessage(this.mesh, signer.publicKey, seal)) };
  }

  async token(by: Author, issuer: Uint8Array, token: Partial<TokenBody> = {}): Promise<Entry<AuthorityHeader>> {
    return this.say(by, { ...tokenBody(issuer), ...token });
  }

  redeemBody(token: Entry, name: string, key = name): KnownBody {
    return { type: "redeem", token: token.hash, name, ...this.joiner(key), at: AT };
  }

  /** The coordinator `issuer` (a node with its role log) answers the token. */
  async redeem(issuer: Author, token: Entry, name: string, key = name): Promise<NodeAuthor> {
    const entry = await this.say(issuer, this.redeemBody(token, name, key));
    const signer = signerOf(key);
    const body = this.replica.graph.find(token.id)?.body;
    const labels = body?.type === "token" ? body.roles : [];
    const roles = labels.map((label) => [label, redeemedRoleLog(keys, token.hash, signer.publicKey, label)] as const);
    const log = redeemedNodeLog(keys, token.hash, signer.publicKey);
    return { name, signer, log, entry, roles: Object.fromEntries(roles) };
  }

  /** Gives the label; the author of the role log that it opens. */
  async role(by: Author, node: NodeAuthor, label: string): Promise<Author> {
    const entry = await this.say(by, { type: "role", node: node.log, label, at: AT });
    return { name: node.name, signer: node.signer, log: entry.hash };
  }

  async unrole(by: Author, node: NodeAuthor, label: string, keeps: readonly Keep[] = []): Promise<Entry> {
    return this.say(by, { type: "unrole", node: node.log, label, keeps, at: AT });
  }

  /** Pins what counts of these writers' ledgers, or the links that are named. */
  async checkpoint(by: Author, pinned: readonly (Author | Entry<ChainHeader>)[]): Promise<Entry<AuthorityHeader>> {
    const pins = pinned.flatMap((what) => {
      const last = "log" in what ? this.replica.fold.ledgers.get(toHex(what.log))?.links.at(-1)?.entry : what;
      return last === undefined ? [] : [{ log: last.header.log, seq: last.header.seq, hash: last.hash }];
    });
    return this.say(by, { type: "checkpoint", pins, state: bytesFor("state"), at: AT });
  }

  /** Signs a write to the author's own ledger, superseding what this peer sees at the paths. */
  composeWrite(author: Author, values: Readonly<Record<string, Json | undefined>>, options: WriteOptions = {}) {
    const log = toHex(author.log);
    const chain = this.replica.chain(log, options.class ?? CLASS_DESIRED);
    const last = this.replica.fold.ledgers.get(log)?.links.at(-1) ?? chain?.main.at(-1) ?? null;
    const tip = last?.entry ?? null;
    const view = this.replica.view();
    const writes = Object.entries(values).map(([path, value]) => {
      return { path, value, over: options.over ?? view.othersAt(path, log) };
    });
    const cursor = chain?.documentAt(last) ?? new DocumentCursor(keys, author.log);
    return this.composeRun(author, tip, cursor, writes, options);
  }

  composeRun(
    author: Author,
    tip: Entry<ChainHeader> | null,
    cursor: DocumentCursor,
    writes: readonly LedgerWrite[],
    { atMs = 0, more = 0, class: chainClass = CLASS_DESIRED }: WriteOptions = {},
  ): Entry<ChainHeader> {
    const after = tip !== null && compareHlc(tip.header.hlc, this.#latest) > 0 ? tip.header.hlc : this.#latest;
    this.#latest = nextHlc(after, atMs);
    const hlc = atMs > 0 ? { ms: atMs, count: 0 } : this.#latest;
    return link(this, author, tip, cursor.encode(writes, hlc), { hlc, more, class: chainClass });
  }

  async write(author: Author, values: Readonly<Record<string, Json | undefined>>, options: WriteOptions = {}) {
    const entry = this.composeWrite(author, values, options);
    await this.take([entry]);
    return entry;
  }
}

export function link(
  peer: Peer,
  author: Author,
  tip: Entry<ChainHeader> | null,
  payload: Uint8Array,
  header: Partial<ChainHeader> & { readonly hlc: Hlc },
): Entry<ChainHeader> {
  const position = {
    mesh: peer.mesh,
    log: author.log,
    class: CLASS_DESIRED,
    head: tip === null ? null : { seq: tip.header.seq, hash: tip.hash },
    seen: authorityDigest(keys, peer.replica.graph),
    more: 0,
  };
  return composeLink(keys, { ...position, ...header }, payload, author.signer);
}

/** `count` audit entries of a node, each on the one before. */
export function auditRun(peer: Peer, author: Author, count: number): Entry<ChainHeader>[] {
  const run: Entry<ChainHeader>[] = [];
  for (let i = 1; i <= count; i++) {
    const hlc = { ms: AT + i, count: 0 };
    run.push(link(peer, author, run.at(-1) ?? null, bytesFor(`audit ${i}`), { class: CLASS_AUDIT, hlc }));
  }
  return run;
}

export function report(peer: Peer, author: Author, seq: number, text: string) {
  const position = { mesh: peer.mesh, log: author.log, seq, hlc: { ms: AT + seq, count: 0 } };
  return composeObserved(keys, position, bytesFor(text), author.signer);
}

/** The same entry as somebody would send it who leaves its signature out: one that covers it must follow. */
export function unsigned<H extends Entry["header"]>(entry: Entry<H>): Entry<H> {
  return sealEntry(keys, entry.header, entry.payload, () => []);
}

export function grantBody(name: string): GrantBody {
  const key = signerOf(name).publicKey;
  return { type: "grant", key, name, rank: 2, rights: ["admin", "ops", "destroy"], need: ONE, at: AT };
}

export function cutBody(whom: Author, keeps: readonly Keep[] = []): CutBody {
  return { type: "cut", key: whom.signer.publicKey, keeps, reason: "lost", at: AT };
}

export function keepOf(author: Author, tips: readonly Entry[] | null, last: Entry<ChainHeader> | null = null): Keep {
  return {
    log: author.log,
    a: tips === null ? null : tips.map(({ hash }) => hash),
    l: last === null ? null : { seq: last.header.seq, hash: last.hash },
  };
}

export function tokenBody(issuer: Uint8Array): TokenBody {
  return {
    type: "token",
    id: bytesFor("token").subarray(0, 16),
    secretHash: bytesFor("secret hash"),
    name: null,
    labels: ["web"],
    attributes: { environment: "prod" },
    roles: [],
    issuer,
    nbf: AT,
    exp: AT + 3_600_000,
    at: AT,
  };
}

/** The view as plain data: what two peers must agree on. */
export function picture(peer: Peer): unknown {
  const view = peer.replica.view();
  const { authority } = peer.replica;
  return {
    state: toHex(peer.replica.stateHash()),
    nodes: [...view.nodes.values()].map((node) => ({
      ...node,
      roles: [...node.roles],
      labels: view.labelsOf(node.id),
      environment: view.attributeOf(node.id, "environment"),
      byName: view.nodeByName(node.name)?.id,
      byKey: view.nodeByKey(node.key)?.id,
    })),
    operators: view.operators,
    tokens: view.tokens,
    desired: view.desiredUnder(""),
    conflicts: view.conflicts(),
    effective: [...authority.effective].map((index) => peer.replica.graph.at(index).entry.id).sort(),
    roleLogs: [...authority.roleLogs]
      .map(([log, { enders, ...role }]) => ({ log, ...role, ended: enders.length > 0 }))
      .sort((a, b) => (a.log < b.log ? -1 : 1)),
    voids: view.voids(),
    pending: view.pending(),
    forks: view.forks(),
  };
}
