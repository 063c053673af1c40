import { LabError } from "../errors.ts";

/** Where backups are kept: a directory, a branch of a Git repository, a bucket. It is not trusted with anything. */
export interface BackupPlace {
  /** As people write it; no password in it. */
  readonly name: string;
  /** Every file of the format that is there, with its size. */
  list(): Promise<ReadonlyMap<string, number>>;
  /** In the order of the question; null for what is not there. */
  read(names: readonly string[]): Promise<readonly (Uint8Array | null)[]>;
  /**
   * Keeps the chunks and then the manifest, durably: whoever looks sees the whole backup or none of it. `taken` if a
   * manifest of that name is there already.
   */
  write(chunks: readonly PlaceFile[], manifest: PlaceFile): Promise<"written" | "taken">;
  /** What is not there is not missed. */
  remove(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface PlaceFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const MANIFEST = /^manifests\/(\d{10})\.json$/;
const CHUNK = /^chunks\/([0-9a-f]{2})\/([0-9a-f]{64})$/;

export function manifestName(number: number): string {
  return `manifests/${String(number).padStart(10, "0")}.json`;
}

export function chunkName(hash: string): string {
  return `chunks/${hash.slice(0, 2)}/${hash}`;
}

/** The number in a manifest's name; null for every other file. */
export function manifestNumber(name: string): number | null {
  const digits = MANIFEST.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function isPlaceFile(name: string): boolean {
  return MANIFEST.test(name) || CHUNK.test(name);
}

/** - `dir` a path · `git` a repository and a branch · `s3` endpoint, bucket and prefix */
export type PlaceAddress =
  | { readonly kind: "dir"; readonly path: string }
  | { readonly kind: "git"; readonly repository: string; readonly branch: string }
  | { readonly kind: "s3"; readonly endpoint: string; readonly bucket: string; readonly prefix: string };

const DEFAULT_BRANCH = "lab-backup";
const HINT = "dir:PATH, git:URL#BRANCH or s3:https://HOST/BUCKET/PREFIX";

/** Throws `Usage`. */
export function parsePlace(text: string): PlaceAddress {
  const [, kind, rest = ""] = /^(dir|git|s3):(.+)$/s.exec(text) ?? [];
  switch (kind) {
    case "dir":
      return { kind, path: rest };
    case "git": {
      const [, repository = "", branch = DEFAULT_BRANCH] = /^([^#]+)(?:#(.+))?$/s.exec(rest) ?? [];
      // What begins with a dash is an option to Git; "ext::" and the like run programs.
      const isSafe = repository !== "" && !repository.startsWith("-") && !repository.includes("::");
      if (!isSafe || !isBranch(branch)) throw wrongPlace(text);
      return { kind, repository, branch };
    }
    case "s3": {
      const [, endpoint, bucket, prefix = ""] =
        /^(https?:\/\/[^/@?#]+)\/([a-z0-9][a-z0-9.-]{1,62})(?:\/([^?#]*))?$/.exec(rest) ?? [];
      if (endpoint === undefined || bucket === undefined) throw wrongPlace(text);
      return { kind, endpoint, bucket, prefix: prefix.replace(/\/+$/, "") };
    }
    default:
      throw wrongPlace(text);
  }
}

/** The strict part of what `git check-ref-format` takes. */
function isBranch(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$/.test(name) && !/\.\.|\/\/|\/\.|\.lock$|\/$|\.$/.test(name);
}

function wrongPlace(text: string): LabError {
  return new LabError("Usage", `"${withoutPassword(text)}" is no place for backups`, { field: "place", hint: HINT });
}

/** A URL may carry a password, which nobody shall read in messages. */
export function withoutPassword(text: string): string {
  return text.replace(/(\/\/[^/@:\s]*):[^/@\s]*@/g, "$1:…@");
}
