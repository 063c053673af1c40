import { fromBase64Url, fromHex, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import { secretVersionPath } from "../core/paths.ts";
import type { Keys } from "../core/ports/keys.ts";
import { readVersion, type VersionMetadata } from "../core/secrets/version.ts";
import { Chain } from "../crdt/chain.ts";
import { type ChainHeader, CLASS_DESIRED, decodeEntry, type Entry, isChain } from "../crdt/entry/entry.ts";
import { carriesValidSignature } from "../crdt/entry/signatures.ts";
import type { auditEntriesOperation } from "../operations/audit-verify.ts";
import type { OutputOf } from "../operations/operation.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Courier } from "./requests.ts";

/** The entry of a version, and in whose ledger it stands. */
export interface VersionPlace {
  readonly path: string;
  readonly version: string;
  /** Hex of the ledger's log. */
  readonly log: string;
}

/**
 * What the writer of a version signed, read from that writer's own ledger and not from what an agent says of it: else
 * an agent and a store together could have an operator take, or sign, a value that nobody ever set. Throws
 * `PeerContradicted`, `NotFound`.
 */
export async function signedVersion(
  courier: Courier,
  keys: Keys,
  known: KnownAuthority,
  { path, version, log }: VersionPlace,
): Promise<VersionMetadata> {
  const key = known.authority.operators.get(log)?.key;
  const bytes = fromHex(log);
  if (key === undefined || bytes === null) throw doubtful(`version ${version.slice(0, 12)} is in no operator's ledger`);
  const chain = new Chain(keys, bytes, CLASS_DESIRED, key);
  let after = 0;
  for (;;) {
    const body = { log, class: CLASS_DESIRED, after };
    const answer = (await courier.call("POST", "/v1/audit-entries", { body })) as OutputOf<
      typeof auditEntriesOperation
    >;
    const entries = answer.entries.map((text) => ledgerEntry(keys, text, key));
    for (const entry of entries) {
      if (chain.add(entry).state !== "admitted") throw doubtful("an entry that does not follow the one before");
    }
    const link = chain.find(version);
    // Of a batch only the last entry need be signed: it covers those before it.
    if (
      link !== undefined &&
      entries.some((entry) => entry.header.seq >= link.entry.header.seq && carriesValidSignature(keys, entry))
    ) {
      const write = link.writes.find((one) => one.path === secretVersionPath(path));
      const metadata = readVersion(write?.value);
      if (metadata !== null) return metadata;
      throw doubtful(`that ${version.slice(0, 12)} is a version of ${path}`);
    }
    after += entries.length;
    if (!answer.more || entries.length === 0) throw doubtful(`version ${version.slice(0, 12)}, which it does not give`);
  }
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

function doubtful(about: string): LabError {
  return new LabError("PeerContradicted", `the agent says something else than the signed entries: ${about}`, {
    notes: ["nothing was signed"],
    hint: "ask another peer with --peer NAME, and find out what is wrong with this one",
  });
}
