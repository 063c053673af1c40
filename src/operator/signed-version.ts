import { LabError } from "../core/errors.ts";
import { secretVersionPath } from "../core/paths.ts";
import type { Keys } from "../core/ports/keys.ts";
import { readVersion, type VersionMetadata } from "../core/secrets/version.ts";
import { carriesValidSignature } from "../crdt/entry/signatures.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { Courier } from "./requests.ts";
import { doubtful, readLedger } from "./signed-ledger.ts";

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
  let begins = 1;
  for await (const { chain, entries } of readLedger(courier, keys, known, log)) {
    begins = chain.letGo + 1;
    const summed = chain.roots[0]?.writes.find(({ path: at, origin }) => {
      return at === secretVersionPath(path) && origin?.entry === version;
    });
    // Whoever pinned the ledger has signed what it had come to.
    const stated = begins === 1 ? null : readVersion(summed?.value);
    if (stated !== null) return stated;
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
  }
  if (begins > 1) {
    throw new LabError(
      "LedgerNotWhole",
      `on this peer the ledger with version ${version.slice(0, 12)} begins at entry ${begins}`,
      {
        hint: "ask a coordinator or a secret store with --peer NAME",
      },
    );
  }
  throw doubtful(`version ${version.slice(0, 12)}, which it does not give`);
}
