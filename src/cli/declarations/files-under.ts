import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { LabError } from "../../core/errors.ts";

const MAX_DEPTH = 32;

/** Which files of a directory are meant, and what is said to whoever named the wrong one. */
export interface FileChoice {
  readonly matches: RegExp;
  /** What the files are, for errors: `declarations`. */
  readonly what: string;
  /** Said where there are none. */
  readonly hint: string;
  /** How the command that reads them is called. */
  readonly usage: string;
}

/** A file by itself, or those under a directory that match, at any depth, by name. Throws `NotFound`, `InvalidFile`. */
export function filesUnder(path: string, cwd: string, choice: FileChoice): string[] {
  const isDirectory = attempt(path, choice.usage, () => statSync(resolve(cwd, path)).isDirectory());
  if (!isDirectory) return [path];
  const found = listFiles(path, cwd, choice, 0);
  if (found.length > 0) return found;
  throw new LabError("NotFound", `there are no ${choice.what} in ${path}`, { hint: choice.hint });
}

function listFiles(dir: string, cwd: string, choice: FileChoice, depth: number): string[] {
  if (depth > MAX_DEPTH) {
    const hint = `name a directory below ${dir}`;
    throw new LabError("TooLarge", `${dir}: more than ${MAX_DEPTH} levels of directories`, { hint });
  }
  const entries: Dirent[] = attempt(dir, choice.usage, () => readdirSync(resolve(cwd, dir), { withFileTypes: true }));
  const visible = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
  return visible.flatMap((entry) => {
    const path = join(dir, entry.name);
    // A link to a directory may lead back up: what is meant twice is named twice.
    if (entry.isDirectory()) return listFiles(path, cwd, choice, depth + 1);
    return choice.matches.test(entry.name) && isFile(path, cwd, choice.usage) ? [path] : [];
  });
}

/** A pipe or a device in a directory would be read for ever. */
function isFile(path: string, cwd: string, usage: string): boolean {
  return attempt(path, usage, () => statSync(resolve(cwd, path)).isFile());
}

/** No more than a little beyond `limit`, whatever the file says of its own size. Throws `TooLarge`. */
export function readBytes(path: string, cwd: string, limit: number, usage = "lab apply -f FILE|DIR|-"): Uint8Array {
  return attempt(path, usage, () => {
    const file = openSync(resolve(cwd, path), "r");
    try {
      const chunks: Buffer[] = [];
      let length = 0;
      for (;;) {
        const chunk = Buffer.alloc(256 * 1024);
        const count = readSync(file, chunk, 0, chunk.length, null);
        if (count === 0) return Buffer.concat(chunks);
        length += count;
        if (length > limit) throw tooLarge(path, limit);
        chunks.push(chunk.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  });
}

export function tooLarge(name: string, limit: number): LabError {
  const hint = "split it into several files";
  return new LabError("TooLarge", `${name} is larger than ${limit / 1024 / 1024} MiB`, { hint });
}

/** Throws `InvalidFile` for bytes that are no text. */
export function decodeText(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LabError("InvalidFile", `${name} is not UTF-8 text`, { hint: "save it as UTF-8" }, { cause });
  }
}

function attempt<T>(path: string, usage: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const facts = { field: "file", hint: usage };
    if (code === "ENOENT") throw new LabError("NotFound", `${path} does not exist`, facts, { cause });
    throw new LabError("InvalidFile", `${path} cannot be read: ${code}`, facts, { cause });
  }
}
