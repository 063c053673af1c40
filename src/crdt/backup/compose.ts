import { type BackupRecord, type Chunk, type ChunkKind, cutIntoChunks } from "../../core/backup/chunks.ts";
import type { MakeRequest } from "../../core/backup/create.ts";
import { type Manifest, signManifest } from "../../core/backup/manifest.ts";
import { sealPreSharedKey } from "../../core/backup/pre-shared-key.ts";
import { encode } from "../../core/encoding.ts";
import { isoTime } from "../../core/iso-time.ts";
import type { Keys, Signer } from "../../core/ports/keys.ts";
import type { Secret } from "../../core/secret.ts";
import { utf8Encode } from "../../core/utf8.ts";
import type { Replica } from "../replica.ts";
import { backedUpEntries } from "./contents.ts";

/** What a machine has to back up, and who it is. */
export interface BackupSource {
  readonly replica: Replica;
  readonly envelopes: readonly BackupRecord[];
  /** Hex of the node's log. */
  readonly node: string;
  readonly signer: Signer;
  readonly release: string;
  readonly peers: Manifest["peers"];
  /** Null in a mesh without. */
  readonly psk: Secret | null;
  readonly nowMs: number;
}

/** The signed manifest of everything that is there, and those of its chunks that the place lacks. */
export async function composeBackup(
  keys: Keys,
  source: BackupSource,
  { number, previous, has }: MakeRequest,
): Promise<Uint8Array> {
  const { replica, node } = source;
  // What the start did not read, because a base sums it up, is part of the history.
  await replica.makeWhole();
  const view = replica.view();
  const { records, heads } = backedUpEntries(replica);
  const all = { ...records, secrets: source.envelopes };
  const kinds = Object.keys(all) as ChunkKind[];
  const chunks: Chunk[] = kinds.flatMap((kind) => cutIntoChunks(keys, kind, all[kind]));
  const self = view.nodes.get(node);
  if (self?.state !== "active") throw new Error("only a member makes backups");
  const manifest: Manifest = {
    v: 1,
    mesh: view.mesh,
    meshName: view.meshName,
    number,
    previous,
    madeAt: isoTime(source.nowMs),
    madeBy: { name: self.name, node, key: self.key },
    release: source.release,
    newest: replica.newest.ms === 0 ? null : isoTime(replica.newest.ms),
    heads,
    counts: Object.fromEntries(kinds.map((kind) => [kind, all[kind].length])) as Manifest["counts"],
    chunks: chunks.map(({ kind, hash, bytes, records: size }) => ({ kind, hash, bytes, records: size })),
    peers: source.peers.filter(({ addresses }) => addresses.length > 0).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    ...(source.psk === null ? {} : { psk: await sealPreSharedKey(keys, replica.mesh, view.recovery, source.psk) }),
  };
  const known = new Set(has);
  return encode({
    v: 1,
    manifest: utf8Encode(signManifest(keys, manifest, source.signer)),
    chunks: chunks.filter(({ hash }) => !known.has(hash)).map(({ content }) => content),
  });
}
