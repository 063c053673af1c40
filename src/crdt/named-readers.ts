import type { Json } from "../core/json.ts";
import { operatorRecipientPath, secretOperatorsPath } from "../core/paths.ts";
import { readReaders } from "../core/policy/operator-readers.ts";
import type { Authority } from "./authority/resolve.ts";
import type { ChainLink } from "./chain.ts";

const AGE_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

/** An operator to whom a value of class `sealed` is sealed; null where the key has no recipient (yet). */
export interface SealedReader {
  readonly name: string;
  readonly recipient: string | null;
}

/** - `unnamed`: of this key (hex) nobody who administers ever said that it may read */
export type NamedReaders =
  | { readonly verdict: "readers"; readonly readers: readonly SealedReader[] }
  | { readonly verdict: "unnamed"; readonly key: string };

/**
 * The operators whom a value is sealed to, by what ledgers say: `named` is the list that is said to stand there, and each
 * key of it has to have been named by somebody who may administer, as its recipient by the key itself. `ledgerOf` gives the
 * links of an operator's log that are signed. Whoever says what stands there can leave somebody out, or name whom an
 * administrator let read once, and nobody else.
 */
export async function namedReaders(
  authority: Pick<Authority, "operators">,
  ledgerOf: (log: string) => Promise<readonly ChainLink[]>,
  path: string,
  named: Json | undefined,
): Promise<NamedReaders> {
  const wanted = readReaders(named);
  if (wanted.length === 0) return { verdict: "readers", readers: [] };
  const operators = [...authority.operators.values()].filter(({ rank }) => rank > 0);
  const allowed = new Set<string>();
  for (const { log, rights } of operators) {
    if (!rights.has("admin")) continue;
    for (const value of writesAt(await ledgerOf(log), secretOperatorsPath(path))) {
      for (const key of readReaders(value)) allowed.add(key);
    }
  }
  const readers: SealedReader[] = [];
  for (const key of wanted) {
    if (!allowed.has(key)) return { verdict: "unnamed", key };
    const live = operators.filter((operator) => operator.key === key && operator.state === "live");
    const [first] = live;
    if (first === undefined) continue;
    const recipients: (string | null)[] = [];
    for (const { log } of live) {
      recipients.push(...writesAt(await ledgerOf(log), operatorRecipientPath(key)).map(readRecipient));
    }
    readers.push({ name: first.name, recipient: recipients.at(-1) ?? null });
  }
  return { verdict: "readers", readers };
}

function writesAt(links: readonly ChainLink[], path: string): (Json | undefined)[] {
  return links.flatMap(({ writes }) => writes.filter((write) => write.path === path).map(({ value }) => value));
}

function readRecipient(value: Json | undefined): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { seal } = value as { readonly [member: string]: Json | undefined };
  return typeof seal === "string" && AGE_RECIPIENT.test(seal) ? seal : null;
}
