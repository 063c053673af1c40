import { hash } from "node:crypto";
import { concat, equalBytes, fromHex, toHex } from "../../src/core/bytes.ts";
import { joinMessage } from "../../src/core/enrolment.ts";
import type { Keys, Signer } from "../../src/core/ports/keys.ts";
import type { Joiner, KnownBody, Keep as RealKeep } from "../../src/crdt/authority/bodies.ts";
import { genesisLog, redeemedNodeLog, redeemedRoleLog, rootLog } from "../../src/crdt/authority/identifiers.ts";
import { Chain } from "../../src/crdt/chain.ts";
import { checkpointState } from "../../src/crdt/checkpoint.ts";
import { composeAuthority, composeGenesis, composeLink } from "../../src/crdt/compose.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  CLASS_DESIRED,
  type Entry as RealEntry,
  ZERO_HASH,
} from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";
import { Graph, type NameLog } from "./graph.ts";
import type { Body, Entry, History, Id, Keep, Key, Link, LogId } from "./history.ts";

const AT_MS = 1_800_000_000_000;

function sha256(message: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", message, "buffer"));
}

/** Signatures that anybody could make: who signed is not what is compared here, and a million histories are signed. */
export const OPEN_KEYS: Pick<Keys, "hash" | "hash512" | "verify" | "verifyAll" | "isSafeKey"> = {
  hash: sha256,
  hash512: (message) => new Uint8Array(hash("sha512", message, "buffer")),
  verify: (publicKey, _message, signature) => equalBytes(concat(publicKey, publicKey), signature),
  verifyAll: async (items) => items.map((item) => OPEN_KEYS.verify(item.publicKey, item.message, item.signature)),
  isSafeKey: () => true,
};
const KEYS = OPEN_KEYS as Keys;

const remembered = new Map<string, { hex: string; bytes: Uint8Array; signer: Signer }>();

/** What stands for a name that is a key, or an entry that nobody has. */
function named(name: string): { hex: string; bytes: Uint8Array; signer: Signer } {
  let known = remembered.get(name);
  if (known === undefined) {
    const bytes = sha256(Buffer.from(name));
    known = { hex: toHex(bytes), bytes, signer: { publicKey: bytes, sign: () => concat(bytes, bytes) } };
    remembered.set(name, known);
  }
  return known;
}

export interface Realised {
  readonly mesh: Uint8Array;
  readonly entries: readonly RealEntry<AuthorityHeader>[];
  readonly links: readonly RealEntry<ChainHeader>[];
  /** The same history under the real names: hashes break the same ties. */
  readonly renamed: Graph;
  /** What entries, logs and keys are called in the history, by hex. */
  readonly names: () => ReadonlyMap<string, string>;
}

/** The entries that a history would be, hashed and signed. */
export function realise(history: History): Realised {
  return new Realisation(history).result();
}

class Realisation {
  readonly #history: History;
  readonly #graph: Graph;
  readonly #items: ReadonlyMap<Id, Entry | Link>;
  readonly #made = new Map<Id, RealEntry>();
  readonly #logs = new Map<LogId, Uint8Array>();
  #mesh: Uint8Array = ZERO_HASH;

  constructor(history: History) {
    this.#history = history;
    this.#graph = new Graph(history);
    this.#items = new Map([...history.entries, ...history.links].map((item) => [item.id, item]));
  }

  result(): Realised {
    const entries = this.#history.entries.map(({ id }) => this.#make(id) as RealEntry<AuthorityHeader>);
    const links = this.#history.links.map(({ id }) => this.#make(id) as RealEntry<ChainHeader>);
    const names = () => {
      const logs = [...this.#graph.logs.values()];
      return new Map([
        ...logs.map(({ key }) => [named(key).hex, key] as const),
        ...logs.map(({ id }) => [toHex(this.#log(id)), id] as const),
        ...[...this.#made].map(([id, entry]) => [entry.id, id] as const),
      ]);
    };
    const renamed = new Graph(
      {
        entries: this.#history.entries.map((entry) => this.#renameEntry(entry)),
        links: this.#history.links.map((link) => this.#renameLink(link)),
      },
      REAL_NAMES,
    );
    return { mesh: this.#mesh, entries, links, renamed, names };
  }

  #make(id: Id): RealEntry | null {
    const item = this.#items.get(id);
    if (item === undefined) return null;
    let made = this.#made.get(id);
    if (made === undefined) {
      made = "body" in item ? this.#makeEntry(item) : this.#makeLink(item);
      this.#made.set(id, made);
    }
    return made;
  }

  #hash(id: Id): Uint8Array {
    return this.#make(id)?.hash ?? named(id).bytes;
  }

  #log(id: LogId): Uint8Array {
    let bytes = this.#logs.get(id);
    if (bytes === undefined) {
      bytes = this.#nameLog(id);
      this.#logs.set(id, bytes);
    }
    return bytes;
  }

  #nameLog(id: LogId): Uint8Array {
    const log = this.#graph.logs.get(id);
    const [opener] = log?.openers ?? [];
    if (log === undefined || opener === undefined) return named(id).bytes;
    const key = named(log.key).bytes;
    if (opener.body.t === "genesis") return (log.rank === 0 ? rootLog : genesisLog)(KEYS, this.#hash(opener.id), key);
    if (opener.body.t !== "redeem") return this.#hash(opener.id);
    const token = this.#hash(opener.body.token);
    return log.role === null ? redeemedNodeLog(KEYS, token, key) : redeemedRoleLog(KEYS, token, key, log.role.label);
  }

  #makeEntry(entry: Entry): RealEntry<AuthorityHeader> {
    const { body, key } = entry;
    if (body.t === "genesis") {
      const keys = [...new Set([...body.root.keys, ...body.founders.map((founder) => founder.key)])];
      const [first = "root", ...others] = keys;
      const founders = body.founders.map((founder) => {
        return {
          key: named(founder.key).bytes,
          name: founder.key,
          rights: founder.rights,
          need: { admin: founder.need, destroy: 1 },
        };
      });
      const root = { keys: body.root.keys.map((one) => named(one).bytes), k: body.root.k };
      const real = {
        type: "genesis",
        name: "mesh",
        root,
        founders,
        recovery: null,
        nonce: named("nonce").bytes,
        at: AT_MS,
      } as const;
      const genesis = composeGenesis(KEYS, real, [named(first).signer, ...others.map((one) => named(one).signer)]);
      this.#mesh = genesis.hash;
      return genesis;
    }
    const parents = entry.parents.map((parent) => this.#hash(parent));
    const log = this.#log(entry.log);
    return composeAuthority(KEYS, { mesh: this.#mesh, log, parents }, this.#body(entry.id, body), named(key).signer);
  }

  #body(id: Id, body: Exclude<Body, { t: "genesis" }>): KnownBody {
    // Two entries that say the same at the same place are two entries.
    const at = AT_MS + Number.parseInt(id.replace(/\D/g, "") || "0", 10);
    switch (body.t) {
      case "grant": {
        const { rank, rights, need } = body;
        return {
          type: "grant",
          key: named(body.key).bytes,
          name: body.key,
          rank,
          rights,
          need: { admin: need, destroy: 1 },
          at,
        };
      }
      case "cut":
        return { type: "cut", key: named(body.key).bytes, keeps: this.#keeps(body.keeps), reason: id, at };
      case "approve":
        return { type: "approve", entry: this.#hash(body.entry) };
      case "enrol":
        return { type: "enrol", name: body.name, ...this.#joiner(body.key), at };
      case "token": {
        const { name, roles } = body;
        const unused = {
          labels: [],
          attributes: {},
          nbf: 0,
          exp: 0,
          id: named(id).bytes.subarray(0, 16),
          secretHash: named(id).bytes,
        };
        return { type: "token", name, roles, issuer: this.#log(body.issuer), ...unused, at };
      }
      case "redeem":
        return { type: "redeem", token: this.#hash(body.token), name: body.name, ...this.#joiner(body.key), at };
      case "role":
        return { type: "role", node: this.#log(body.node), label: body.label, at };
      case "unrole":
        return { type: "unrole", node: this.#log(body.node), label: body.label, keeps: this.#keeps(body.keeps), at };
      case "checkpoint": {
        const pins = body.pins.map((pin) => ({ log: this.#log(pin.log), seq: pin.seq, hash: this.#hash(pin.id) }));
        return { type: "checkpoint", pins, state: this.#stateAt(body.pins), at };
      }
    }
  }

  /** What one pinned ledger had come to; what checkpoints say that pin several, nobody looks at. */
  #stateAt([pin, ...others]: readonly { readonly log: LogId; readonly seq: number; readonly id: Id }[]): Uint8Array {
    const links = pin === undefined || others.length > 0 ? null : this.#graph.chain(pin, pin.log);
    if (links === null || links.length === 0 || pin === undefined) return ZERO_HASH;
    const made = links.map(({ id }) => this.#make(id) as RealEntry<ChainHeader>);
    const [first] = made;
    const chain = new Chain(
      KEYS,
      this.#log(pin.log),
      CLASS_DESIRED,
      toHex((first as RealEntry<ChainHeader>).header.key),
    );
    for (const entry of made) chain.add(entry);
    return checkpointState(KEYS, [chain.main]);
  }

  #keeps(keeps: readonly Keep[]): RealKeep[] {
    return keeps.map(({ log, a, l }) => {
      const tips = a && a.map((id) => this.#hash(id));
      return { log: this.#log(log), a: tips, l: l && { seq: l.seq, hash: this.#hash(l.id) } };
    });
  }

  #joiner(key: Key): Joiner {
    const { bytes, hex, signer } = named(key);
    const seal = `age1${hex.slice(0, 58)}`;
    return { key: bytes, seal, proof: signer.sign(joinMessage(this.#mesh, bytes, seal)) };
  }

  #makeLink(link: Link): RealEntry<ChainHeader> {
    const log = this.#log(link.log);
    const prev = link.prev === null ? null : this.#hash(link.prev);
    const hlc = { ms: AT_MS + link.hlc, count: 0 };
    const cursor = new DocumentCursor(KEYS, log);
    for (const before of this.#graph.chain({ seq: link.seq - 1, id: link.prev ?? "" }, link.log) ?? []) {
      const made = this.#make(before.id) as RealEntry<ChainHeader>;
      cursor.advance(made.payload, made.header.hlc);
    }
    const writes = link.writes.map(({ path, value, over }) => {
      return { path, value: value ?? undefined, over: over.map((id) => toHex(this.#hash(id))).sort() };
    });
    const head = prev === null ? null : { seq: link.seq - 1, hash: prev };
    const position = { mesh: this.#mesh, log, class: CLASS_DESIRED, head, hlc, seen: ZERO_HASH, more: 0 };
    return composeLink(KEYS, position, cursor.encode(writes, hlc), named(link.key).signer);
  }

  #hex(id: Id): Id {
    return toHex(this.#hash(id));
  }

  #renameEntry({ id, key, log, parents, body }: Entry): Entry {
    const renamed = { id: this.#hex(id), key: named(key).hex, log: log === "" ? "" : toHex(this.#log(log)) };
    return { ...renamed, parents: parents.map((one) => this.#hex(one)), body: this.#renameBody(body) } as Entry;
  }

  #renameBody(body: Body): Body {
    const keyOf = (key: Key) => named(key).hex;
    const keeps = (all: readonly Keep[]) => {
      return all.map(({ log, a, l }) => {
        const tips = a && a.map((one) => this.#hex(one));
        return { log: toHex(this.#log(log)), a: tips, l: l && { seq: l.seq, id: this.#hex(l.id) } };
      });
    };
    switch (body.t) {
      case "genesis":
        return {
          t: "genesis",
          root: { ...body.root, keys: body.root.keys.map(keyOf) },
          founders: body.founders.map((founder) => ({ ...founder, key: keyOf(founder.key) })),
        };
      case "grant":
      case "enrol":
        return { ...body, key: keyOf(body.key) };
      case "cut":
        return { ...body, key: keyOf(body.key), keeps: keeps(body.keeps) };
      case "approve":
        return { ...body, entry: this.#hex(body.entry) };
      case "token":
        return { ...body, issuer: toHex(this.#log(body.issuer)) };
      case "redeem":
        return { ...body, token: this.#hex(body.token), key: keyOf(body.key) };
      case "role":
        return { ...body, node: toHex(this.#log(body.node)) };
      case "unrole":
        return { ...body, node: toHex(this.#log(body.node)), keeps: keeps(body.keeps) };
      case "checkpoint":
        return {
          ...body,
          pins: body.pins.map(({ log, seq, id }) => ({ log: toHex(this.#log(log)), seq, id: this.#hex(id) })),
        };
    }
  }

  #renameLink({ id, key, log, prev, writes, ...rest }: Link): Link {
    const over = (all: readonly Id[]) => all.map((one) => this.#hex(one));
    return {
      ...rest,
      id: this.#hex(id),
      key: named(key).hex,
      log: toHex(this.#log(log)),
      prev: prev && this.#hex(prev),
      writes: writes.map((write) => ({ ...write, over: over(write.over) })),
    };
  }
}

const REAL_NAMES: NameLog = (kind, opening, key, label) => {
  const [openingBytes, keyBytes] = [fromHex(opening), fromHex(key)];
  if (openingBytes === null || keyBytes === null) throw new Error(`${opening} or ${key} is no hex`);
  if (kind === "root") return toHex(rootLog(KEYS, openingBytes, keyBytes));
  if (kind === "founder") return toHex(genesisLog(KEYS, openingBytes, keyBytes));
  if (label === undefined) return toHex(redeemedNodeLog(KEYS, openingBytes, keyBytes));
  return toHex(redeemedRoleLog(KEYS, openingBytes, keyBytes, label));
};
