import { ascii, concat } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";

/**
 * How logs get their names: `log = hash(opening entry)`, and where one entry opens several logs, the hash of the
 * entry and what tells them apart (`trust.md` §2). All are 32 bytes.
 */

const ROOT_LOG = ascii("lab/1/log-root\0");
const FOUNDER_LOG = ascii("lab/1/log-genesis\0");
const NODE_LOG = ascii("lab/1/log-node\0");
const ROLE_LOG = ascii("lab/1/log-role\0");

type Hash = Pick<Keys, "hash">;

/** The log of a root key. A key can be root and founder at once: two logs, two ranks, two thresholds. */
export function rootLog(keys: Hash, genesis: Uint8Array, key: Uint8Array): Uint8Array {
  return keys.hash(concat(ROOT_LOG, genesis, key));
}

/** The authority log (and, with `ops`, the desired ledger) of a founder's key. */
export function genesisLog(keys: Hash, genesis: Uint8Array, key: Uint8Array): Uint8Array {
  return keys.hash(concat(FOUNDER_LOG, genesis, key));
}

/** The log of a node that came by a token. (One that was enrolled has the hash of its `enrol` entry.) */
export function redeemedNodeLog(keys: Hash, token: Uint8Array, nodeKey: Uint8Array): Uint8Array {
  return keys.hash(concat(NODE_LOG, token, nodeKey));
}

/** The role log that a token opens for the node that redeemed it. (A `role` entry opens the log of its own hash.) */
export function redeemedRoleLog(keys: Hash, token: Uint8Array, nodeKey: Uint8Array, label: string): Uint8Array {
  return keys.hash(concat(ROLE_LOG, token, nodeKey, ascii(label)));
}
