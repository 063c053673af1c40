import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Explained } from "../../operations/declarations/explain.ts";

/** What the build put beside the bundle, else, unbundled, made from its source. */
export async function loadExplanations(): Promise<readonly Explained[]> {
  if (typeof __dirname === "string") {
    try {
      return JSON.parse(readFileSync(join(__dirname, "explain.json"), "utf8")) as readonly Explained[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return (await import("../../operations/declarations/explain.ts")).explainDeclarations();
}
