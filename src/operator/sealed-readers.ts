import type { Json } from "../core/json.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { ChainLink } from "../crdt/chain.ts";
import { namedReaders, type SealedReader } from "../crdt/named-readers.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Courier } from "./requests.ts";
import { doubtful, signedLinks } from "./signed-ledger.ts";

/**
 * {@link namedReaders} by what an agent gives of ledgers, link by link and each ledger once; `named` is the list that it
 * says stands there. Throws `PeerContradicted`.
 */
export async function sealedReaders(
  courier: Courier,
  keys: Keys,
  known: Pick<KnownAuthority, "authority">,
  path: string,
  named: Json | undefined,
): Promise<readonly SealedReader[]> {
  const ledgers = new Map<string, readonly ChainLink[]>();
  const ledgerOf = async (log: string): Promise<readonly ChainLink[]> => {
    const links = ledgers.get(log) ?? (await signedLinks(courier, keys, known, log));
    ledgers.set(log, links);
    return links;
  };
  const found = await namedReaders(known.authority, ledgerOf, path, named);
  if (found.verdict === "readers") return found.readers;
  throw doubtful(`that somebody let key ${found.key.slice(0, 12)} read ${path}`);
}
