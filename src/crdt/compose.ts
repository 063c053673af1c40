import { toHex } from "../core/bytes.ts";
import type { Hlc } from "../core/hlc.ts";
import type { Keys, Signer } from "../core/ports/keys.ts";
import { SCHEME_ED25519, type Signature } from "../core/signature.ts";
import { encodeBody, type GenesisBody, type KnownBody } from "./authority/bodies.ts";
import type { AuthorityGraph, GraphEntry } from "./authority/graph.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  type Entry,
  type Header,
  MAX_PARENTS,
  type ObservedHeader,
  bareEntry,
  replaceSignatures,
  ZERO_HASH,
} from "./entry/entry.ts";
import { sealEntry, signingMessage } from "./entry/signatures.ts";

/** Builds and signs entries. Everything is an argument; whoever calls has decided what to say. */

function signedBy(...signers: readonly Signer[]): (message: Uint8Array) => Signature[] {
  return (message) => signers.map((signer) => ({ scheme: SCHEME_ED25519, bytes: signer.sign(message) }));
}

/** Signs a draft with one key that is at hand. */
function sealed<H extends Header>(draft: Entry<H>, ...signers: readonly Signer[]): Entry<H> {
  return replaceSignatures(draft, signedBy(...signers)(signingMessage(draft.header.kind, draft.signed)));
}

/** The first entry of a mesh; its hash is the mesh's id. `signers` in the order of `genesisKeys`. */
export function composeGenesis(
  keys: Keys,
  body: GenesisBody,
  signers: readonly [Signer, ...Signer[]],
): Entry<AuthorityHeader> {
  return sealed(draftGenesis(keys, body, signers[0].publicKey), ...signers);
}

/** Unsigned. `key` is the first of `genesisKeys`. */
export function draftGenesis(keys: Keys, body: GenesisBody, key: Uint8Array): Entry<AuthorityHeader> {
  const header: AuthorityHeader = {
    kind: "authority",
    mesh: ZERO_HASH,
    key,
    log: ZERO_HASH,
    parents: [],
    type: "genesis",
  };
  return bareEntry(keys, header, encodeBody(body));
}

export interface AuthorityPosition {
  readonly mesh: Uint8Array;
  readonly log: Uint8Array;
  /** What the writer knows, the most important first: beyond {@link MAX_PARENTS} they are left out. */
  readonly parents: readonly Uint8Array[];
}

export function composeAuthority(
  keys: Keys,
  position: AuthorityPosition,
  body: KnownBody,
  signer: Signer,
): Entry<AuthorityHeader> {
  return sealed(draftAuthority(keys, position, body, signer.publicKey), signer);
}

/** Unsigned: for a key that signs later, or elsewhere. */
export function draftAuthority(
  keys: Keys,
  position: AuthorityPosition,
  body: KnownBody,
  key: Uint8Array,
): Entry<AuthorityHeader> {
  const parents = [...new Map(position.parents.map((hash) => [toHex(hash), hash]))]
    .slice(0, MAX_PARENTS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, hash]) => hash);
  const header: AuthorityHeader = {
    kind: "authority",
    mesh: position.mesh,
    key,
    log: position.log,
    parents,
    type: body.type,
  };
  return bareEntry(keys, header, encodeBody(body));
}

/**
 * Where in a graph the next entry of a log stands whose writer knows all of it. With more tips than an entry can name,
 * its own log comes first, then one tip of every other log, then the rest: whoever makes tips without end crowds out
 * nobody but itself.
 */
export function positionIn(graph: AuthorityGraph, mesh: Uint8Array, log: Uint8Array): AuthorityPosition {
  const own = toHex(log);
  const parents = [...ownParents(graph, own)];
  const perLog = new Map<string, number>();
  const others = graph.tips
    .filter((tip) => !parents.includes(tip))
    .sort((a, b) => b.index - a.index)
    .map((tip) => {
      const turn = perLog.get(tip.log) ?? 0;
      perLog.set(tip.log, turn + 1);
      return { tip, turn };
    })
    .sort((a, b) => a.turn - b.turn);
  // A parent in the past of another says nothing.
  const all = [...parents, ...others.map(({ tip }) => tip)].slice(0, MAX_PARENTS);
  const needed = all.filter((parent) => !all.some((other) => graph.isPast(parent.index, other.index)));
  return { mesh, log, parents: needed.map(({ entry }) => entry.hash) };
}

/** The tips of the own log or, before its first entry, what opened it. */
function ownParents(graph: AuthorityGraph, log: string): readonly GraphEntry[] {
  const tips: GraphEntry[] = [];
  for (const node of graph.entries.toReversed()) {
    if (node.log === log && !tips.some((tip) => graph.isPast(node.index, tip.index))) tips.push(node);
  }
  if (tips.length > 0) return tips;
  return (graph.logs.get(log)?.openers ?? []).slice(0, 1).map((opener) => graph.at(opener));
}

export interface ChainPosition {
  readonly mesh: Uint8Array;
  readonly log: Uint8Array;
  readonly class: number;
  /** The chain's last entry, or null before the first. */
  readonly head: { readonly seq: number; readonly hash: Uint8Array } | null;
  readonly hlc: Hlc;
  readonly seen: Uint8Array;
  readonly more: number;
}

export function composeLink(
  keys: Keys,
  position: ChainPosition,
  payload: Uint8Array,
  signer: Signer,
): Entry<ChainHeader> {
  return sealed(draftLink(keys, position, payload, signer.publicKey), signer);
}

/** Unsigned. */
export function draftLink(
  keys: Keys,
  position: ChainPosition,
  payload: Uint8Array,
  key: Uint8Array,
): Entry<ChainHeader> {
  const { head, ...rest } = position;
  const header: ChainHeader = {
    kind: "chain",
    key,
    ...rest,
    seq: (head?.seq ?? 0) + 1,
    prev: head?.hash ?? ZERO_HASH,
  };
  return bareEntry(keys, header, payload);
}

export function composeObserved(
  keys: Keys,
  position: { readonly mesh: Uint8Array; readonly log: Uint8Array; readonly seq: number; readonly hlc: Hlc },
  payload: Uint8Array,
  signer: Signer,
): Entry<ObservedHeader> {
  const header: ObservedHeader = { kind: "observed", key: signer.publicKey, ...position };
  return sealEntry(keys, header, payload, signedBy(signer));
}
