import type { Json } from "../core/json.ts";
import { operatorRecipientPath, secretOperatorsPath } from "../core/paths.ts";
import { readReaders } from "../core/policy/operator-readers.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { ChainLink } from "../crdt/chain.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Courier } from "./requests.ts";
import { doubtful, signedLinks } from "./signed-ledger.ts";

const AGE_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

/** An operator to whom a value of class `sealed` is sealed; null where the key has no recipient (yet). */
export interface SealedReader {
  readonly name: string;
  readonly recipient: string | null;
}

/**
 * The operators whom a value is sealed to, and by what: `named` is the list that an agent says stands there, and each key
 * of it has to have been named by somebody who may administer, as its recipient by the key itself. An agent can leave
 * somebody out, or name whom an administrator let read once, and nobody else. Throws `PeerContradicted`.
 */
export async function sealedReaders(
  courier: Courier,
  keys: Keys,
  known: Pick<KnownAuthority, "authority">,
  path: string,
  named: Json | undefined,
): Promise<readonly SealedReader[]> {
  const wanted = readReaders(named);
  if (wanted.length === 0) return [];
  const operators = [...known.authority.operators.values()].filter(({ rank }) => rank > 0);
  const ledgers = new Map<string, readonly ChainLink[]>();
  const ledgerOf = async (log: string): Promise<readonly ChainLink[]> => {
    const links = ledgers.get(log) ?? (await signedLinks(courier, keys, known, log));
    ledgers.set(log, links);
    return links;
  };
  const allowed = new Set<string>();
  for (const { log, rights } of operators) {
    if (!rights.has("admin")) continue;
    for (const value of writesAt(await ledgerOf(log), secretOperatorsPath(path))) {
      for (const key of readReaders(value)) allowed.add(key);
    }
  }
  const readers: SealedReader[] = [];
  for (const key of wanted) {
    if (!allowed.has(key)) throw doubtful(`that somebody let key ${key.slice(0, 12)} read ${path}`);
    const live = operators.filter((operator) => operator.key === key && operator.state === "live");
    const [first] = live;
    if (first === undefined) continue;
    const recipients: (string | null)[] = [];
    for (const { log } of live) {
      recipients.push(...writesAt(await ledgerOf(log), operatorRecipientPath(key)).map(readRecipient));
    }
    readers.push({ name: first.name, recipient: recipients.at(-1) ?? null });
  }
  return readers;
}

function writesAt(links: readonly ChainLink[], path: string): (Json | undefined)[] {
  return links.flatMap(({ writes }) => writes.filter((write) => write.path === path).map(({ value }) => value));
}

function readRecipient(value: Json | undefined): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { seal } = value as { readonly [member: string]: Json | undefined };
  return typeof seal === "string" && AGE_RECIPIENT.test(seal) ? seal : null;
}
