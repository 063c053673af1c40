// Writes what the command line loads as data, dist/words.json and dist/explain.json, and the references made of the same
// sources: docs/cli.json, in which a changed contract shows, and docs/declarations.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wordTable } from "../src/operations/commands.ts";
import { explainDeclarations } from "../src/operations/declarations/explain.ts";
import { printContract } from "./contract.ts";
import { printDeclarations } from "./reference.ts";

const root = join(import.meta.dirname, "..");
mkdirSync(join(root, "dist"), { recursive: true });
writeFileSync(join(root, "dist/words.json"), JSON.stringify(wordTable));
writeFileSync(join(root, "dist/explain.json"), JSON.stringify(explainDeclarations()));
writeFileSync(join(root, "docs/declarations.md"), printDeclarations());
writeFileSync(join(root, "docs/cli.json"), printContract());
