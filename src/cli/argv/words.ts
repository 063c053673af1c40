import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { WordTable } from "../../operations/command.ts";

/** The grammar: from the file that the build put beside the bundle, else, unbundled, from its source. */
export async function loadWords(): Promise<WordTable> {
  if (typeof __dirname === "string") {
    try {
      return JSON.parse(readFileSync(join(__dirname, "words.json"), "utf8")) as WordTable;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return (await import("../../operations/commands.ts")).wordTable;
}
