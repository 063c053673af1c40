import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { LabError } from "../core/errors.ts";
import type { SourceFile } from "../operator/declarations/read.ts";

const DECLARATION = /\.(ya?ml|json)$/;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_FILES = 1000;

/** The files that `-f` names: a directory is the union of its files, at any depth; `-` is standard input. */
export async function readDeclarationFiles(
  paths: readonly string[],
  cwd: string,
  stdin: NodeJS.ReadableStream,
): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const path of paths) {
    if (path === "-") files.push({ name: "(stdin)", text: decode("(stdin)", await readStream(stdin)) });
    else for (const file of filesUnder(path, cwd)) files.push({ name: file, text: readText(file, cwd) });
    if (files.length > MAX_FILES) {
      throw new LabError("TooLarge", `more than ${MAX_FILES} files at once`, { hint: "apply one directory at a time" });
    }
  }
  return files;
}

function filesUnder(path: string, cwd: string): string[] {
  const isDirectory = attempt(path, () => statSync(resolve(cwd, path)).isDirectory());
  if (!isDirectory) return [path];
  const found = listFiles(path, cwd);
  if (found.length > 0) return found;
  throw new LabError("NotFound", `there are no declarations in ${path}`, { hint: "files end in .yaml, .yml or .json" });
}

function listFiles(dir: string, cwd: string): string[] {
  const entries: Dirent[] = attempt(dir, () => readdirSync(resolve(cwd, dir), { withFileTypes: true }));
  const visible = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
  return visible.flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return listFiles(path, cwd);
    return DECLARATION.test(entry.name) ? [path] : [];
  });
}

function readText(path: string, cwd: string): string {
  return decode(
    path,
    attempt(path, () => readFileSync(resolve(cwd, path))),
  );
}

function decode(name: string, bytes: Uint8Array): string {
  if (bytes.length > MAX_FILE_BYTES) {
    throw new LabError("TooLarge", `${name} is larger than 1 MiB`, { hint: "split it into several files" });
  }
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
    chunks.push(bytes);
    if (length > MAX_FILE_BYTES) break;
  }
  return Buffer.concat(chunks);
}
