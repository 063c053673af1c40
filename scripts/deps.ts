// Writes docs/deps.txt, so that a new package, however deep in the tree, is a line in the diff.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { printTree, productionTree } from "./production-tree.ts";

const root = join(import.meta.dirname, "..");
writeFileSync(join(root, "docs/deps.txt"), printTree(productionTree(root)));
