import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { LabError } from "../core/errors.ts";
import type { SourceFile } from "../operator/declarations/source.ts";

const DECLARATION = /\.(ya?ml|json)$/;
/** Nine thousand servers, a line each. What is made of it while it is read takes 200 MiB. */
const MAX_FILE_BYTES = 1024 * 1024;
/** A file of the largest size is read in a second. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 1000;
const MAX_DEPTH = 32;

/** The files that `-f` names: a directory is the union of its files, at any depth; `-` is standard input. */
export async function readDeclarationFiles(
  paths: readonly string[],
  cwd: string,
  stdin: NodeJS.ReadableStream,
): Promise<SourceFile[]> {
  const files = new Map<string, SourceFile>();
  let bytes = 0;
  const take = (name: string, content: Uint8Array) => {
    bytes += content.length;
    files.set(name, { name, text: decode(name, content) });
    if (files.size > MAX_FILES) throw tooMuch(`more than ${MAX_FILES} files`);
    if (bytes > MAX_BYTES) throw tooMuch(`more than ${MAX_BYTES / 1024 / 1024} MiB`);
  };
  for (const path of paths) {
    if (path === "-") take("(stdin)", await readStream(stdin));
    // A file that is named twice is one file.
    else
      for (const file of filesUnder(path, cwd)) if (!files.has(file)) take(file, readBytes(file, cwd, MAX_FILE_BYTES));
  }
  return [...files.values()];
}

function tooMuch(what: string): LabError {
  return new LabError("TooLarge", `${what} of declarations at once`, { hint: "apply one directory at a time" });
}

function filesUnder(path: string, cwd: string): string[] {
  const isDirectory = attempt(path, () => statSync(resolve(cwd, path)).isDirectory());
  if (!isDirectory) return [path];
  const found = listFiles(path, cwd, 0);
  if (found.length > 0) return found;
  throw new LabError("NotFound", `there are no declarations in ${path}`, { hint: "files end in .yaml, .yml or .json" });
}

function listFiles(dir: string, cwd: string, depth: number): string[] {
  if (depth > MAX_DEPTH) throw tooMuch(`${dir}: more than ${MAX_DEPTH} levels of directories`);
  const entries: Dirent[] = attempt(dir, () => readdirSync(resolve(cwd, dir), { withFileTypes: true }));
  const visible = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
  return visible.flatMap((entry) => {
    const path = join(dir, entry.name);
    // A link to a directory may lead back up: what is meant twice is named twice.
    if (entry.isDirectory()) return listFiles(path, cwd, depth + 1);
    return DECLARATION.test(entry.name) && isFile(path, cwd) ? [path] : [];
  });
}

/** A pipe or a device in a directory would be read for ever. */
function isFile(path: string, cwd: string): boolean {
  return attempt(path, () => statSync(resolve(cwd, path)).isFile());
}

/** No more than a little beyond `limit`, whatever the file says of its own size. Throws `TooLarge`. */
export function readBytes(path: string, cwd: string, limit: number): Uint8Array {
  return attempt(path, () => {
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

function tooLarge(name: string, limit: number): LabError {
  const hint = "split it into several files";
  return new LabError("TooLarge", `${name} is larger than ${limit / 1024 / 1024} MiB`, { hint });
}

function decode(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LabError("InvalidFile", `${name} is not UTF-8 text`, { hint: "save it as UTF-8" }, { cause });
  }
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const facts = { field: "file", hint: "lab apply -f FILE|DIR|-" };
    if (code === "ENOENT") throw new LabError("NotFound", `${path} does not exist`, facts, { cause });
    throw new LabError("InvalidFile", `${path} cannot be read: ${code}`, facts, { cause });
  }
}

async function readStream(stream: NodeJS.ReadableStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > MAX_FILE_BYTES) throw tooLarge("(stdin)", MAX_FILE_BYTES);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
