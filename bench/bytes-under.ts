import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What the files of a directory and of those below it have in bytes. */
export function bytesUnder(directory: string): number {
  let bytes = 0;
  for (const file of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // The store removes files while they are counted.
    if (file.isFile()) bytes += statSync(join(file.parentPath, file.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
