import type { ChunkKind } from "../../core/backup/chunks.ts";
import { readContents } from "../../core/backup/series.ts";
import type { SignedManifest } from "../../core/backup/manifest.ts";
import type { BackupPlace } from "../../core/backup/place.ts";
import { fromHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { backedUpEntries } from "../../crdt/backup/contents.ts";
import { type Inspection, inspectEntries, type KnownMesh, requireMesh } from "../../crdt/backup/inspect.ts";
import { mayBeginBefore } from "../../crdt/retention.ts";
import { Replica } from "../../crdt/replica.ts";
import { memoryDisk } from "../home/memory-disk.ts";

/** A backup that was read whole, and whose every signature was checked. */
export interface OpenedBackup {
  readonly signed: SignedManifest;
  readonly inspection: Inspection;
  /** Everything in it, folded. */
  readonly replica: Replica;
  readonly entries: readonly Uint8Array[];
  /** Sealed envelopes, as they were in the store. */
  readonly envelopes: readonly Uint8Array[];
  /** Everything that the replica knows by now, each after what it builds on. */
  known(): readonly Uint8Array[];
  /** Throws `WrongMesh`. */
  requireMesh(known: KnownMesh): void;
}

/** Throws `BackupDamaged`, `BackupRefused`. */
export async function openBackup(keys: Keys, place: BackupPlace, signed: SignedManifest): Promise<OpenedBackup> {
  const { manifest } = signed;
  const records: Readonly<Record<ChunkKind, readonly Uint8Array[]>> = await readContents(keys, place, manifest);
  const entries = [...records.authority, ...records.desired, ...records.audit];
  // What machines need not keep is not missing in the backup of one.
  const mayBeginBeforeMs = mayBeginBefore(Date.parse(manifest.madeAt));
  const replica = new Replica(keys, fromHex(manifest.mesh) as Uint8Array, memoryDisk(), () => mayBeginBeforeMs);
  const inspection = await inspectEntries(replica, manifest, entries);
  return {
    signed,
    inspection,
    replica,
    entries,
    envelopes: records.secrets,
    known: () => {
      const { records: all } = backedUpEntries(replica);
      return [...all.authority, ...all.desired, ...all.audit].map(({ bytes }) => bytes);
    },
    requireMesh: (known) => requireMesh(replica, known),
  };
}
