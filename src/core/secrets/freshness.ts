import { ascii, concat } from "../bytes.ts";
import { decode, encode, MalformedError } from "../encoding.ts";
import { readBytes, readFields } from "../fields.ts";
import type { Keys, Signer } from "../ports/keys.ts";
import type { ChannelHandler } from "../ports/mesh.ts";
import type { Node, View } from "../view.ts";

/**
 * Freshness by challenge (`trust.md` §9): whoever wants to know whether it is up to date sends a nonce; a signer
 * answers with a signature over the nonce and the heads that it knows.
 */

const FRESHNESS = ascii("lab/1/freshness\0");
export const FRESHNESS_NONCE_BYTES = 32;

/** The roles whose word on freshness counts. */
export const FRESHNESS_ROLES = ["coordinator", "secret-store"] as const;
export type FreshnessRole = (typeof FRESHNESS_ROLES)[number];

/** A channel for each role, as both may run on one node and either may end first. */
export function freshnessChannel(role: FreshnessRole): string {
  return `freshness/${role}`;
}

export interface Heads {
  readonly authority: Uint8Array;
  readonly desired: Uint8Array;
}

export interface FreshnessSource {
  readonly mesh: Uint8Array;
  readonly signer: Signer;
  heads(): Heads;
}

/** Answers challenges; a role context is such a source. */
export function freshnessHandler(source: FreshnessSource): ChannelHandler {
  return async (_peer, body) => {
    const nonce = decodeChallenge(body);
    const heads = source.heads();
    const signature = source.signer.sign(freshnessMessage(source.mesh, nonce, heads));
    return encode({ v: 1, authority: heads.authority, desired: heads.desired, signature });
  };
}

export function encodeChallenge(nonce: Uint8Array): Uint8Array {
  return encode({ v: 1, nonce });
}

/** The heads that the holder of `key` signed for this nonce, or null if it did not. Throws on a malformed answer. */
export function readStatement(
  keys: Pick<Keys, "verify">,
  mesh: Uint8Array,
  nonce: Uint8Array,
  key: Uint8Array,
  answer: Uint8Array,
): Heads | null {
  const fields = readFields(decode(answer));
  if (fields.v !== 1) throw new MalformedError("a statement of another release");
  const heads = { authority: readBytes(fields.authority, 32), desired: readBytes(fields.desired, 32) };
  const isSigned = keys.verify(key, freshnessMessage(mesh, nonce, heads), readBytes(fields.signature, 64));
  return isSigned ? heads : null;
}

/** The other nodes whose word counts for `self`. With none, a node's own view is all that there is to know. */
export function freshnessSigners(view: View, self: string): { readonly node: Node; readonly role: FreshnessRole }[] {
  const signers = new Map<string, { node: Node; role: FreshnessRole }>();
  for (const role of FRESHNESS_ROLES) {
    for (const node of view.holders(role)) if (node.id !== self) signers.set(node.id, { node, role });
  }
  return [...signers.values()];
}

function decodeChallenge(bytes: Uint8Array): Uint8Array {
  const fields = readFields(decode(bytes));
  if (fields.v !== 1) throw new MalformedError("a challenge of another release");
  return readBytes(fields.nonce, FRESHNESS_NONCE_BYTES);
}

function freshnessMessage(mesh: Uint8Array, nonce: Uint8Array, { authority, desired }: Heads): Uint8Array {
  return concat(FRESHNESS, mesh, nonce, authority, desired);
}
