import { LabError } from "../../core/errors.ts";
import type { SourceFile } from "../../operator/declarations/source.ts";
import { decodeText, type FileChoice, filesUnder, readBytes, tooLarge } from "./files-under.ts";

const DECLARATIONS: FileChoice = {
  matches: /\.(ya?ml|json)$/,
  what: "declarations",
  hint: "files end in .yaml, .yml or .json",
  usage: "lab apply -f FILE|DIR|-",
};
/** Nine thousand servers, a line each. What is made of it while it is read takes 200 MiB. */
const MAX_FILE_BYTES = 1024 * 1024;
/** A file of the largest size is read in a second. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 1000;

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
    files.set(name, { name, text: decodeText(name, content) });
    if (files.size > MAX_FILES) throw tooMuch(`more than ${MAX_FILES} files`);
    if (bytes > MAX_BYTES) throw tooMuch(`more than ${MAX_BYTES / 1024 / 1024} MiB`);
  };
  for (const path of paths) {
    if (path === "-") {
      take("(stdin)", await readStream(stdin));
      continue;
    }
    // A file that is named twice is one file.
    for (const file of filesUnder(path, cwd, DECLARATIONS)) {
      if (!files.has(file)) take(file, readBytes(file, cwd, MAX_FILE_BYTES));
    }
  }
  return [...files.values()];
}

function tooMuch(what: string): LabError {
  return new LabError("TooLarge", `${what} of declarations at once`, { hint: "apply one directory at a time" });
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
