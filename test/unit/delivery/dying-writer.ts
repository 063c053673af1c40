import * as fs from "node:fs/promises";
import { systemSecretDirectory } from "../../../src/node/platform/secret-directory.ts";
import { bring } from "./bring.ts";
import { failing } from "./failing-files.ts";

/** Brings a directory from one state to the next and is killed at one call of the file system; prints how many it made. */
const [root = "", dieAt = "", contents = "{}"] = process.argv.slice(2);
const { calls, count } = failing(fs, Number(dieAt), () => process.kill(process.pid, "SIGKILL"));
const directory = systemSecretDirectory(root, calls);
await bring(directory, JSON.parse(contents) as Record<string, string>);
await directory.settle();
process.stdout.write(String(count()));
