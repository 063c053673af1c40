import { ascii, concat, equalBytes, fromBase64Url, toBase64Url } from "../bytes.ts";
import type { Hlc } from "../hlc.ts";
import type { Json } from "../json.ts";
import { secretVersionPath } from "../paths.ts";
import type { Keys } from "../ports/keys.ts";
import { Secret } from "../secret.ts";
import type { PathWinner, PathWrite, View } from "../view.ts";

/** What every peer knows of a version of a secret: who wrote which, never a value, its length or its hash. */

const COMMIT = ascii("lab/1/secret-commit\0");
export const COMMITMENT_NONCE_BYTES = 32;
export const MAX_VALUE_BYTES = 1024 * 1024;

/** Sealed to every store, which serves it to whoever is entitled. */
export const STORE_CLASS = "store";
/** Sealed by its writer to the machines that may read it; stores carry it and cannot open it. */
export const SEALED_CLASS = "sealed";
/** The newest versions of a path that stores keep, the current one among them. */
export const KEPT_VERSIONS = 5;
/** More loose ends of the authority graph than this are not named: what is known of less is taken for less. */
const MAX_TIPS = 16;

export interface VersionMetadata {
  readonly class: string;
  /** What {@link commitmentTo} gave for the value and a nonce that is sealed beside it. */
  readonly commitment: Uint8Array;
  /** Digest of the authority heads under which the value was written. */
  readonly heads: Uint8Array;
  /** Hex of the authority entries without successor that the writer knew; empty in a version of an older release. */
  readonly tips: readonly string[];
  /** Hex of the older version whose value this one is; null for a value of its own. */
  readonly restores: string | null;
  /** Digest of the envelope's content, where stores cannot judge it by opening it; null for class `store`. */
  readonly body: Uint8Array | null;
  readonly atMs: number;
  /** The version that this one took the place of, where that stays valid for a while. */
  readonly before?: OverlappingVersion;
}

export interface OverlappingVersion {
  /** Hex of the ledger entry that wrote it. */
  readonly version: string;
  readonly untilMs: number;
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
  readonly hlc: Hlc;
  /** Hex of the log of whoever wrote it: an operator's, or the role log of a store. */
  readonly log: string;
  readonly metadata: VersionMetadata;
}

export function writeVersion(metadata: VersionMetadata): Json {
  const { commitment, heads, tips, restores, body, atMs, before } = metadata;
  return {
    class: metadata.class,
    commit: toBase64Url(commitment),
    heads: toBase64Url(heads),
    ...(tips.length === 0 ? {} : { tips: tips.slice(0, MAX_TIPS) }),
    ...(restores === null ? {} : { restores }),
    ...(body === null ? {} : { body: toBase64Url(body) }),
    ...(before === undefined ? {} : { before: before.version, beforeUntil: before.untilMs }),
    at: atMs,
  };
}

/** Null for what no writer of this release would have written. */
export function readVersion(value: Json | undefined): VersionMetadata | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const {
    class: kind,
    commit,
    heads,
    tips,
    restores,
    body,
    before,
    beforeUntil,
    at,
  } = value as { readonly [key: string]: Json | undefined };
  if (typeof kind !== "string" || typeof at !== "number") return null;
  const [commitment, headsDigest, bodyDigest] = [readDigest(commit), readDigest(heads), readDigest(body)];
  if (commitment === null || headsDigest === null || (bodyDigest === null && kind === SEALED_CLASS)) return null;
  return {
    class: kind,
    commitment,
    heads: headsDigest,
    tips: Array.isArray(tips) ? tips.filter(isVersionId).slice(0, MAX_TIPS) : [],
    restores: isVersionId(restores) ? restores : null,
    body: bodyDigest,
    atMs: at,
    ...(isVersionId(before) && typeof beforeUntil === "number"
      ? { before: { version: before, untilMs: beforeUntil } }
      : {}),
  };
}

/** Hex of an entry's hash. */
export function isVersionId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
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

function versionOf(path: string, { entry, hlc, log }: PathWinner, metadata: VersionMetadata): CurrentVersion {
  return { path, version: entry, hlc, log, metadata };
}

export function currentVersion(view: View, path: string): CurrentVersion | undefined {
  const winner = view.desired(secretVersionPath(path));
  const metadata = winner === undefined ? null : metadataOf(winner);
  return winner === undefined || metadata === null ? undefined : versionOf(path, winner, metadata);
}

/** A version of a path as the desired state tells of it. */
export interface KnownVersion extends CurrentVersion {
  /** Hex of the writer's log. */
  readonly writer: string;
  readonly writtenMs: number;
  readonly standing: PathWrite["standing"];
}

/** All versions of a path, the current one first, then those that lost against it, then the newest. */
export function versionsOf(view: View, path: string): KnownVersion[] {
  return view.writesAt(secretVersionPath(path)).flatMap(({ value, entry, log, hlc, standing }) => {
    const metadata = readVersion(value);
    if (metadata === null) return [];
    return [{ path, version: entry, hlc, log, metadata, writer: log, writtenMs: hlc.ms, standing }];
  });
}

/** Those of {@link versionsOf} that stores keep, in this order. */
export function keptVersions(view: View, path: string): KnownVersion[] {
  return versionsOf(view, path).slice(0, KEPT_VERSIONS);
}

/** The current versions of all secrets, by path. */
export function currentVersions(view: Pick<View, "desiredUnder">): CurrentVersion[] {
  const prefix = secretVersionPath("");
  return view.desiredUnder(prefix).flatMap(([path, winner]) => {
    const metadata = metadataOf(winner);
    return metadata === null ? [] : [versionOf(path.slice(prefix.length), winner, metadata)];
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
  { path, metadata }: Pick<CurrentVersion, "path" | "metadata">,
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
