import { equalBytes, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import { type CutBody, decodeBody, type RedeemBody } from "./authority/bodies.ts";
import type { AuthorityGraph, GraphEntry } from "./authority/graph.ts";
import type { Authority } from "./authority/resolve.ts";
import { type AuthorityHeader, type Entry, isAuthority } from "./entry/entry.ts";
import { carriesValidSignature } from "./entry/signatures.ts";

/*
 * What a peer does not take although nothing is wrong with it, and whom it does not let in although nothing has effect
 * yet (`trust.md` §3.7, §9). Both depend on what is here: they protect the peer and decide nothing about the view.
 */

/** Redemptions of one token that no operator has seen; two suspend each other, and a third would say no more. */
const MAX_UNSEEN_REDEMPTIONS = 2;

/**
 * Why a redemption has to wait, null if it has not. A coordinator whose machine was taken over could otherwise redeem
 * one token for ever, and nothing of that could be dropped again. What an operator's entry builds on is always taken:
 * of those that wait in `pending`, too.
 */
export function reasonToWait(
  graph: AuthorityGraph,
  entry: Entry<AuthorityHeader>,
  pending: Iterable<Entry>,
): string | null {
  if (entry.header.type !== "redeem") return null;
  const token = bodyOf(entry, "redeem")?.token;
  if (token === undefined) return null;
  const unseen = graph.entries.filter((node) => isRedemption(node, token) && !isSeen(graph, node));
  if (unseen.length < MAX_UNSEEN_REDEMPTIONS) return null;
  if (isAwaited(graph, entry, [...pending].filter(isAuthority))) return null;
  return "its token has two redemptions already that no operator has seen";
}

function isRedemption({ body }: GraphEntry, token: Uint8Array): boolean {
  return body.type === "redeem" && equalBytes(body.token, token);
}

function isSeen(graph: AuthorityGraph, { index }: GraphEntry): boolean {
  return graph.entries.some((node) => graph.logs.get(node.log)?.kind === "operator" && graph.isPast(index, node.index));
}

function isOperators(graph: AuthorityGraph, { header }: Entry): boolean {
  return graph.logs.get(recurringHex(header.log))?.kind === "operator";
}

/** Whether an operator's entry among those that wait builds on this one, if over others that wait. */
function isAwaited(graph: AuthorityGraph, entry: Entry, pending: readonly Entry<AuthorityHeader>[]): boolean {
  const below = new Set([entry.id]);
  for (let size = 0; size < below.size; ) {
    size = below.size;
    for (const other of pending) {
      if (below.has(other.id) || !other.header.parents.some((parent) => below.has(toHex(parent)))) continue;
      if (isOperators(graph, other)) return true;
      below.add(other.id);
    }
  }
  return false;
}

/** Whom waiting cuts keep out, as of the last look. */
export class Door {
  #shutOut: ReadonlySet<string> = new Set();
  readonly #listeners: (() => void)[] = [];

  isShutTo(key: string): boolean {
    return this.#shutOut.has(key);
  }

  /** Calls `listener` when {@link isShutTo} answers differently for some key. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  look(keys: Keys, known: Known, waiting: Iterable<Entry>): void {
    const cuts = [...waiting].filter((entry) => isAuthority(entry) && entry.header.type === "cut");
    if (this.#shutOut.size === 0 && cuts.length === 0) return;
    const shutOut = shutOutBy(keys, known, cuts);
    const isSame = shutOut.size === this.#shutOut.size && [...shutOut].every((key) => this.#shutOut.has(key));
    this.#shutOut = shutOut;
    if (!isSame) for (const listener of this.#listeners) listener();
  }
}

interface Known {
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
}

/**
 * Keys of machines that a cut among the waiting entries removes: from the moment its signature is verified against a
 * live log that needs nobody's approval, whatever its parents are and whether they ever come (I17). Machines stand below
 * all operators, so that whose log it is matters and not its rank.
 */
function shutOutBy(
  keys: Pick<Keys, "hash" | "hash512" | "verify">,
  { graph, authority }: Known,
  waiting: Iterable<Entry>,
): ReadonlySet<string> {
  const shutOut = new Set<string>();
  for (const entry of waiting) {
    if (!isAuthority(entry) || entry.header.type !== "cut") continue;
    const log = recurringHex(entry.header.log);
    const writer = authority.operators.get(log);
    if (writer?.state !== "live" || writer.need.admin > 1 || !writer.rights.has("admin")) continue;
    if (graph.logs.get(log)?.key !== recurringHex(entry.header.key)) continue;
    const body = bodyOf(entry, "cut");
    if (body !== null && carriesValidSignature(keys, entry)) shutOut.add(toHex(body.key));
  }
  return shutOut;
}

function bodyOf(entry: Entry<AuthorityHeader>, type: "cut"): CutBody | null;
function bodyOf(entry: Entry<AuthorityHeader>, type: "redeem"): RedeemBody | null;
function bodyOf(entry: Entry<AuthorityHeader>, type: "cut" | "redeem"): CutBody | RedeemBody | null {
  try {
    const body = decodeBody(type, entry.payload);
    return body.type === "cut" || body.type === "redeem" ? body : null;
  } catch (error) {
    // The graph refuses it with the reason.
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
