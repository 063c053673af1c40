import { LabError } from "../errors.ts";
import type { Keys } from "../ports/keys.ts";
import { type ChunkKind, CHUNK_KINDS, readChunk } from "./chunks.ts";
import { BackupDamagedError, BackupRefusedError } from "./errors.ts";
import { type Manifest, readManifest, type SignedManifest } from "./manifest.ts";
import { type BackupPlace, chunkName, manifestName, manifestNumber } from "./place.ts";

type Checks = Pick<Keys, "hash" | "verify">;

/** One backup of a place: good as far as its manifest tells, or what is wrong with it. */
export type Listed =
  | { readonly state: "signed"; readonly number: number; readonly signed: SignedManifest }
  | { readonly state: "bad"; readonly number: number; readonly error: LabError };

/** A backup that is known from elsewhere: from the audit of the mesh. */
export interface KnownBackup {
  readonly number: number;
  readonly id: string;
}

export interface Series {
  readonly files: ReadonlyMap<string, number>;
  /** Newest first. */
  readonly backups: readonly Listed[];
}

/** All backups of a place. Each names the one before it, so that none can be put in the place of another. */
export async function readSeries(keys: Checks, place: BackupPlace): Promise<Series> {
  const files = await place.list();
  const numbers = [...files.keys()].flatMap((name) => manifestNumber(name) ?? []).sort((a, b) => b - a);
  const contents = await place.read(numbers.map(manifestName));
  const alone = numbers.map((number, i): Listed => readListed(keys, number, contents[i] ?? null));
  return { files, backups: alone.map((listed, i) => inChain(listed, alone[i + 1])) };
}

function readListed(keys: Checks, number: number, content: Uint8Array | null): Listed {
  try {
    if (content === null) throw new BackupDamagedError(`backup ${number} is gone`);
    const signed = readManifest(keys, `backup ${number}`, content);
    if (signed.manifest.number === number) return { state: "signed", number, signed };
    throw new BackupRefusedError(`in the place of backup ${number} lies backup ${signed.manifest.number}`, {
      notes: [`it was made ${signed.manifest.madeAt}`],
      hint: "somebody put an older one there: take another place",
    });
  } catch (error) {
    if (error instanceof LabError) return { state: "bad", number, error };
    throw error;
  }
}

function inChain(listed: Listed, before: Listed | undefined): Listed {
  if (listed.state === "bad" || before?.state !== "signed" || before.number !== listed.number - 1) return listed;
  if (listed.signed.manifest.previous === before.signed.id) return listed;
  const error = new BackupRefusedError(
    `backup ${before.number} is another one than backup ${listed.number} was made after`,
    {
      notes: ["one of them was put there later"],
      hint: "take another place, or an older backup with --number",
    },
  );
  return { state: "bad", number: listed.number, error };
}

/**
 * The newest backup, or the one with a number. Throws `NotFound`, what is wrong with it, and `BackupRefused` where the
 * place has less than is known to have been there.
 */
export function chooseBackup(
  place: Pick<BackupPlace, "name">,
  { backups }: Series,
  wish: { readonly number?: number; readonly known?: KnownBackup },
): SignedManifest {
  const { number, known } = wish;
  const found = number === undefined ? backups[0] : backups.find((listed) => listed.number === number);
  if (found === undefined) {
    const [what, hint] =
      number === undefined
        ? ["no backup", "is the address right, and what lies there mounted?"]
        : [`no backup ${number}`, `lab backup list ${place.name}`];
    throw new LabError("NotFound", `there is ${what} in ${place.name}`, { hint });
  }
  if (known !== undefined && number === undefined) requireNotRolledBack(place, backups, known);
  if (found.state === "bad") throw found.error;
  return found.signed;
}

/** Throws `BackupRefused` where a backup that was there is gone from the end, or is another one. */
export function requireNotRolledBack(
  place: Pick<BackupPlace, "name">,
  backups: readonly Listed[],
  known: KnownBackup,
): void {
  const newest = backups[0]?.number ?? 0;
  const same = backups.find(({ number }) => number === known.number);
  const isOther = same?.state === "signed" && same.signed.id !== known.id;
  if (newest >= known.number && !isOther) return;
  const what = isOther ? `backup ${known.number} is another one than was made` : `it ends with backup ${newest}`;
  throw new BackupRefusedError(`${place.name} was turned back: ${what}`, {
    notes: [`backup ${known.number} (${known.id.slice(0, 16)}) was made there`],
    hint: "find out who did this; a new place begins at 1",
  });
}

/** Reads everything that a manifest names. Throws `BackupDamaged`. */
export async function readContents(
  keys: Pick<Keys, "hash">,
  place: BackupPlace,
  manifest: Manifest,
): Promise<Readonly<Record<ChunkKind, readonly Uint8Array[]>>> {
  const contents = await place.read(manifest.chunks.map(({ hash }) => chunkName(hash)));
  const records = Object.fromEntries(CHUNK_KINDS.map((kind) => [kind, [] as Uint8Array[]])) as Record<
    ChunkKind,
    Uint8Array[]
  >;
  const bad: string[] = [];
  for (const [i, chunk] of manifest.chunks.entries()) {
    const content = contents[i] ?? null;
    const what = `${chunk.hash.slice(0, 16)} (${chunk.records} records of ${chunk.kind})`;
    if (content === null) bad.push(`${what} is gone`);
    else if (content.length !== chunk.bytes) bad.push(`${what} has ${content.length} of ${chunk.bytes} bytes`);
    else {
      try {
        for (const record of readChunk(keys, chunk, content)) records[chunk.kind].push(record);
      } catch (error) {
        if (!(error instanceof BackupDamagedError)) throw error;
        bad.push(`${what} was altered`);
      }
    }
  }
  if (bad.length === 0) return records;
  throw new BackupDamagedError(
    `backup ${manifest.number} is damaged: ${bad.length} of ${manifest.chunks.length} chunks`,
    {
      notes: bad.slice(0, 5),
    },
  );
}

/** Names of the files that go when only the newest `keep` backups stay. */
export function outdatedFiles({ files, backups }: Series, keep: number): string[] {
  const [kept, old] = [backups.slice(0, keep), backups.slice(keep)];
  const needed = new Set(kept.flatMap(chunksOf));
  // A manifest that cannot be read may need any chunk: nothing but manifests goes while it is kept.
  const isClear = kept.every(({ state }) => state === "signed");
  const chunks = isClear ? old.flatMap(chunksOf).filter((name) => !needed.has(name)) : [];
  return [...old.map(({ number }) => manifestName(number)), ...new Set(chunks)].filter((name) => files.has(name));
}

function chunksOf(listed: Listed): string[] {
  return listed.state === "bad" ? [] : listed.signed.manifest.chunks.map(({ hash }) => chunkName(hash));
}
