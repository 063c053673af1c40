import { ascii, concat, equalBytes, fromBase64Url, toBase64Url } from "../bytes.ts";
import type { Json } from "../json.ts";
import { secretVersionPath } from "../paths.ts";
import type { Keys } from "../ports/keys.ts";
import { Secret } from "../secret.ts";
import type { PathWinner, View } from "../view.ts";

/** What every peer knows of a version of a secret: who wrote which, never a value, its length or its hash. */

const COMMIT = ascii("lab/1/secret-commit\0");
export const COMMITMENT_NONCE_BYTES = 32;
export const MAX_VALUE_BYTES = 1024 * 1024;

/** - `store`: sealed to every store, which serves it to whoever is entitled. Others belong to later releases. */
export const STORE_CLASS = "store";

export interface VersionMetadata {
  readonly class: string;
  /** What {@link commitmentTo} gave for the value and a nonce that is sealed beside it. */
  readonly commitment: Uint8Array;
  /** Digest of the authority heads under which the value was written. */
  readonly heads: Uint8Array;
  readonly atMs: number;
}

/** A value with the nonce that its writer's commitment was made with. */
export interface Committed {
  readonly nonce: Uint8Array;
  readonly value: Secret;
}

/** The version that counts now; it is named by the ledger entry that wrote it. */
export interface CurrentVersion {
  readonly path: string;
  /** Hex of that entry. */
  readonly version: string;
  readonly metadata: VersionMetadata;
}

export function writeVersion(metadata: VersionMetadata): Json {
  const { commitment, heads, atMs } = metadata;
  return { class: metadata.class, commit: toBase64Url(commitment), heads: toBase64Url(heads), at: atMs };
}

/** Null for what no writer of this release would have written. */
export function readVersion(value: Json | undefined): VersionMetadata | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { class: kind, commit, heads, at } = value as { readonly [key: string]: Json | undefined };
  if (typeof kind !== "string" || typeof at !== "number") return null;
  const [commitment, headsDigest] = [readDigest(commit), readDigest(heads)];
  return commitment && headsDigest && { class: kind, commitment, heads: headsDigest, atMs: at };
}

/** What winners say that were read before: they are asked at every change of a view, and change seldom. */
const read = new WeakMap<PathWinner, VersionMetadata | null>();

function metadataOf(winner: PathWinner): VersionMetadata | null {
  let metadata = read.get(winner);
  if (metadata === undefined) {
    metadata = readVersion(winner.value);
    read.set(winner, metadata);
  }
  return metadata;
}

export function currentVersion(view: View, path: string): CurrentVersion | undefined {
  const winner = view.desired(secretVersionPath(path));
  const metadata = winner === undefined ? null : metadataOf(winner);
  return winner === undefined || metadata === null ? undefined : { path, version: winner.entry, metadata };
}

/** The current versions of all secrets, by path. */
export function currentVersions(view: View): CurrentVersion[] {
  const prefix = secretVersionPath("");
  return view.desiredUnder(prefix).flatMap(([path, winner]) => {
    const metadata = metadataOf(winner);
    return metadata === null ? [] : [{ path: path.slice(prefix.length), version: winner.entry, metadata }];
  });
}

/**
 * What a writer signs in place of a value: nobody can find another value for it, and without the nonce nobody can
 * even try whether a guess is right.
 */
export function commitmentTo(
  keys: Pick<Keys, "hash">,
  mesh: Uint8Array,
  path: string,
  { nonce, value }: Committed,
): Uint8Array {
  const name = ascii(path);
  const length = Uint8Array.of(name.length >> 8, name.length & 0xff);
  const message = new Secret(concat(COMMIT, mesh, length, name, nonce, value.reveal()));
  try {
    return keys.hash(message.reveal());
  } finally {
    message.wipe();
  }
}

/** True if this is the very value that the writer of the version committed to. */
export function checkCommitment(
  keys: Pick<Keys, "hash">,
  mesh: Uint8Array,
  { path, metadata }: CurrentVersion,
  committed: Committed,
): boolean {
  return (
    committed.nonce.length === COMMITMENT_NONCE_BYTES &&
    equalBytes(commitmentTo(keys, mesh, path, committed), metadata.commitment)
  );
}

function readDigest(text: Json | undefined): Uint8Array | null {
  const bytes = typeof text === "string" ? fromBase64Url(text) : null;
  return bytes?.length === 32 ? bytes : null;
}
