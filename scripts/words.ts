// Writes dist/words.json, the grammar that the command line loads, and docs/cli.json, in which a changed contract shows.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wordTable } from "../src/operations/commands.ts";
import { printContract } from "./contract.ts";

const root = join(import.meta.dirname, "..");
mkdirSync(join(root, "dist"), { recursive: true });
writeFileSync(join(root, "dist/words.json"), JSON.stringify(wordTable));
writeFileSync(join(root, "docs/cli.json"), printContract());
