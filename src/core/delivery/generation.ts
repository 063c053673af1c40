import type { Json } from "../json.ts";

/** Who may read a file, in the numbers of one machine. */
export interface FileAccess {
  readonly uid: number;
  readonly gid: number;
  /** Its lower nine bits. */
  readonly mode: number;
  /** Users besides owner and group, ascending. */
  readonly readers: readonly number[];
}

/** One file among those that a machine's programs read. */
export interface PlacedFile {
  /** Where it is below the directory: a secret's path, or `templates.d/NAME`. */
  readonly name: string;
  /** What it was made from, such as the version of a secret: equal means the same content. Never made from a value. */
  readonly version: string;
  readonly access: FileAccess;
  /** The unit that has to know of a new content. */
  readonly reload: string | null;
}

/** All files that are visible at one moment. */
export interface Generation {
  /** Ascending by name, no name twice. */
  readonly files: readonly PlacedFile[];
  /** Units that were not told yet of what is new, sorted. */
  readonly owed: readonly string[];
}

export type GenerationPlan =
  | { readonly state: "same" }
  | {
      readonly state: "next";
      readonly generation: Generation;
      /** Names of files that are as they were: the others have to be written. */
      readonly kept: ReadonlySet<string>;
    };

/**
 * What has to be done so that exactly the wanted files are there. Units are told of content that is new or changed; of
 * the first files after a boot (`before` is null) nobody has to be told, as nobody has read others.
 */
export function planGeneration(before: Generation | null, wanted: readonly PlacedFile[]): GenerationPlan {
  const files = wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const known = new Map(before?.files.map((file) => [file.name, file]));
  const kept = new Set<string>();
  const owed = new Set(before?.owed);
  for (const file of files) {
    const old = known.get(file.name);
    if (old !== undefined && old.version === file.version && isSameAccess(old.access, file.access)) kept.add(file.name);
    if (before !== null && old?.version !== file.version && file.reload !== null) owed.add(file.reload);
  }
  const isSame = before !== null && kept.size === files.length && before.files.length === files.length;
  const isRenamedReload = files.some(({ name, reload }) => known.get(name)?.reload !== reload);
  if (isSame && !isRenamedReload) return { state: "same" };
  return { state: "next", generation: { files, owed: [...owed].sort() }, kept };
}

function isSameAccess(a: FileAccess, b: FileAccess): boolean {
  return (
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mode === b.mode &&
    a.readers.length === b.readers.length &&
    a.readers.every((reader, i) => reader === b.readers[i])
  );
}

/** As it is noted beside the files, for the agent's next start. No value, and nothing that was made from one. */
export function writeGeneration({ files, owed }: Generation): string {
  return JSON.stringify({ v: 1, files, owed });
}

/** Null for a note that no release up to this one would have written. */
export function readGeneration(text: string): Generation | null {
  let note: Json;
  try {
    note = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  const { v, files, owed } = mapOf(note);
  if (v !== 1 || !Array.isArray(files) || !isTexts(owed)) return null;
  const read = files.map(readFile);
  return read.every((file) => file !== null) ? { files: read, owed } : null;
}

function readFile(value: Json): PlacedFile | null {
  const { name, version, access, reload } = mapOf(value);
  const { uid, gid, mode, readers } = mapOf(access);
  if (typeof name !== "string" || typeof version !== "string") return null;
  if (typeof uid !== "number" || typeof gid !== "number" || typeof mode !== "number" || !isNumbers(readers))
    return null;
  if (typeof reload !== "string" && reload !== null) return null;
  return { name, version, access: { uid, gid, mode, readers }, reload };
}

function mapOf(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })
    : {};
}

function isTexts(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isNumbers(value: Json | undefined): value is number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}
