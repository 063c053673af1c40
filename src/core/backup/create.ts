import { toHex } from "../bytes.ts";
import { decode } from "../encoding.ts";
import { LabError } from "../errors.ts";
import { readBytes, readFields, readList } from "../fields.ts";
import type { Keys } from "../ports/keys.ts";
import { readManifest, type SignedManifest } from "./manifest.ts";
import { type BackupPlace, chunkName, manifestName, type PlaceFile } from "./place.ts";
import { type KnownBackup, outdatedFiles, readSeries, requireNotRolledBack, type Series } from "./series.ts";

/** What an agent is asked for: the next backup of a place, without the chunks that the place has. */
export interface MakeRequest {
  readonly number: number;
  readonly previous: string | null;
  readonly has: readonly string[];
}

export interface Creation {
  readonly keys: Pick<Keys, "hash" | "verify">;
  readonly place: BackupPlace;
  /** What was last made there, as far as the mesh knows. */
  readonly known: KnownBackup | undefined;
  /** How many backups stay; all of them if undefined. */
  readonly keep: number | undefined;
  readonly make: (request: MakeRequest) => Promise<Uint8Array>;
  /** What should be known although the backup is made. */
  readonly warn: (sentence: string) => void;
}

export interface Created {
  readonly signed: SignedManifest;
  readonly chunks: { readonly all: number; readonly written: number };
  readonly writtenBytes: number;
  /** Backups that were let go. */
  readonly removed: number;
}

/** Somebody else who makes backups of this mesh there may have been faster so often. */
const MAX_TRIES = 5;
const MAX_CHUNKS = 1_000_000;

/** Makes the next backup of a place. Throws what `readSeries` and the place do, `WrongMesh`, and `Conflict`. */
export async function createBackup(creation: Creation): Promise<Created> {
  const { keys, place, known, keep, make, warn } = creation;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const series = await readSeries(keys, place);
    if (known !== undefined) requireNotRolledBack(place, series.backups, known);
    const [newest] = series.backups;
    if (newest?.state === "bad") warn(`the newest backup there cannot be used: ${newest.error.message}`);
    const before = newest?.state === "signed" ? newest.signed : null;
    const number = (newest?.number ?? 0) + 1;
    const has = whole(series, before);
    const answer = await make({ number, previous: before?.id ?? null, has });
    const { manifest, chunks } = readMade(keys, answer);
    const signed = readManifest(keys, `backup ${number}`, manifest);
    if (before !== null) requireSameMesh(place, before, signed);
    const wrote = await place.write(chunks, { name: manifestName(number), content: manifest });
    if (wrote === "taken") continue;
    const removed = keep === undefined ? 0 : await letGo(keys, place, keep);
    return {
      signed,
      chunks: { all: signed.manifest.chunks.length, written: chunks.length },
      writtenBytes: chunks.reduce((sum, { content }) => sum + content.length, 0),
      removed,
    };
  }
  throw new LabError("Conflict", `others make backups to ${place.name} all the time`, { hint: "try again later" });
}

/** Chunks of the backup before that lie there with all their bytes. */
function whole({ files }: Series, before: SignedManifest | null): string[] {
  const chunks = before?.manifest.chunks ?? [];
  return chunks.filter(({ hash, bytes }) => files.get(chunkName(hash)) === bytes).map(({ hash }) => hash);
}

function readMade(keys: Pick<Keys, "hash">, answer: Uint8Array): { manifest: Uint8Array; chunks: PlaceFile[] } {
  const { manifest, chunks } = readFields(decode(answer, "lend"));
  return {
    manifest: readBytes(manifest),
    chunks: readList(chunks, MAX_CHUNKS).map((value) => {
      const content = readBytes(value);
      return { name: chunkName(toHex(keys.hash(content))), content };
    }),
  };
}

function requireSameMesh({ name }: BackupPlace, before: SignedManifest, made: SignedManifest): void {
  if (before.manifest.mesh === made.manifest.mesh) return;
  throw new LabError("WrongMesh", `${name} holds backups of another mesh`, {
    notes: [`theirs is ${before.manifest.meshName} (${before.manifest.mesh.slice(0, 16)})`],
    hint: "one place for each mesh",
  });
}

async function letGo(keys: Creation["keys"], place: BackupPlace, keep: number): Promise<number> {
  const series = await readSeries(keys, place);
  const files = outdatedFiles(series, keep);
  if (files.length > 0) await place.remove(files);
  return Math.max(0, series.backups.length - keep);
}
