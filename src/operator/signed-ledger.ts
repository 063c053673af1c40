import { fromBase64Url, fromHex, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import { Chain, type ChainLink } from "../crdt/chain.ts";
import { type ChainHeader, CLASS_DESIRED, decodeEntry, type Entry, isChain } from "../crdt/entry/entry.ts";
import { carriesValidSignature } from "../crdt/entry/signatures.ts";
import { readHandedOnAt } from "../crdt/handed-on.ts";
import { ledgerBounds } from "../crdt/prefix.ts";
import type { auditEntriesOperation } from "../operations/audit-verify.ts";
import type { OutputOf } from "../operations/operation.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Courier } from "./requests.ts";

/** What one answer brought of a ledger, and all that came before. */
export interface LedgerPart {
  readonly chain: Chain;
  readonly entries: readonly Entry<ChainHeader>[];
}

/**
 * An operator's ledger, link by link from its beginning, as the agent gives it: it can hold back the end, and neither
 * alter nor invent. What an agent let go of it gives as what the ledger had come to, which a checkpoint commits to.
 * Throws `PeerContradicted`.
 */
export async function* readLedger(
  courier: Courier,
  keys: Keys,
  known: Pick<KnownAuthority, "authority">,
  log: string,
): AsyncGenerator<LedgerPart> {
  const key = known.authority.operators.get(log)?.key;
  const bytes = fromHex(log);
  if (key === undefined || bytes === null) throw doubtful(`that ${log.slice(0, 12)} is an operator's ledger`);
  let chain = new Chain(keys, bytes, CLASS_DESIRED, key);
  let after = 0;
  for (;;) {
    const body = { log, class: CLASS_DESIRED, after };
    const answer = (await courier.call("POST", "/v1/audit-entries", { body })) as OutputOf<
      typeof auditEntriesOperation
    >;
    const entries = answer.entries.map((text) => ledgerEntry(keys, text, key));
    if (answer.state !== undefined && after === 0) chain = beginning(keys, known, { log, key, state: answer.state });
    for (const entry of entries) {
      if (chain.find(entry.id) === undefined && chain.add(entry).state !== "admitted")
        throw doubtful("an entry that does not follow the one before");
    }
    yield { chain, entries };
    after += entries.length;
    if (!answer.more || entries.length === 0) return;
  }
}

/** The links of a ledger that its writer signed: of a batch only the last entry need be, it covers those before it. */
export async function signedLinks(
  courier: Courier,
  keys: Keys,
  known: Pick<KnownAuthority, "authority">,
  log: string,
): Promise<readonly ChainLink[]> {
  let links: readonly ChainLink[] = [];
  for await (const { chain } of readLedger(courier, keys, known, log)) links = chain.main;
  const end = links.findLastIndex(({ entry }) => carriesValidSignature(keys, entry));
  return links.slice(0, end + 1);
}

function beginning(
  keys: Keys,
  { authority }: Pick<KnownAuthority, "authority">,
  { log, key, state }: { readonly log: string; readonly key: string; readonly state: string },
): Chain {
  const pins = ledgerBounds(authority).find((bounds) => bounds.log === log)?.pins ?? [];
  try {
    const parse = (bytes: Uint8Array) => decodeEntry(keys, bytes);
    const base = readHandedOnAt(keys, fromBase64Url(state) ?? new Uint8Array(0), pins, parse);
    const { header } = base.entry;
    if (toHex(header.key) === key && toHex(header.log) === log && carriesValidSignature(keys, base.entry)) {
      return new Chain(keys, header.log, CLASS_DESIRED, key, base, header.seq - 1);
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  throw doubtful("what a ledger had come to that nobody vouches for");
}

function ledgerEntry(keys: Keys, text: string, key: string): Entry<ChainHeader> {
  try {
    const entry = decodeEntry(keys, fromBase64Url(text) ?? new Uint8Array(0));
    if (isChain(entry) && toHex(entry.header.key) === key) return entry;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  throw doubtful("an entry that is none of that ledger");
}

export function doubtful(about: string): LabError {
  return new LabError("PeerContradicted", `the agent says something else than the signed entries: ${about}`, {
    notes: ["nothing was signed"],
    hint: "ask another peer with --peer NAME, and find out what is wrong with this one",
  });
}
