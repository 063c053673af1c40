// Run by level-disk.test.ts on a small disk of its own: fills it, makes room, writes on, opens anew, and tells what it saw.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../../../src/core/errors.ts";
import { openLevelDisk } from "../../../src/node/platform/store/level-disk.ts";

const MIB = 1024 * 1024;
const [home = ""] = process.argv.slice(2);
const store = join(home, "store");
const ballast = join(home, "ballast");

let disk = await openLevelDisk(store);
const acknowledged: string[] = [];

async function append(key: string, length: number): Promise<string> {
  try {
    await disk.append([{ key, value: new Uint8Array(length).fill(7) }], true);
    acknowledged.push(key);
    return "written";
  } catch (error) {
    return error instanceof LabError ? error.code : String(error);
  }
}

writeFileSync(ballast, new Uint8Array(18 * MIB));
let whenFull = "written";
for (let i = 0; whenFull === "written"; i++) whenFull = await append(`before/${i}`, 5000);
const readWhenFull = (await disk.read("before/0"))?.length === 5000 ? "readable" : "unreadable";
const stillFull = await append("meanwhile", 5000);

rmSync(ballast);
await Promise.all(Array.from({ length: 50 }, (_, i) => append(`afterwards/${i}`, 200)));
await disk.close();
disk = await openLevelDisk(store);
const kept = new Set((await disk.scan("")).map((record) => record.key));
await disk.close();

const expected = [...acknowledged, ...Array.from({ length: 50 }, (_, i) => `afterwards/${i}`)];
const lostAfterwards = [...new Set(expected)].filter((key) => !kept.has(key));
process.stdout.write(JSON.stringify({ whenFull, readWhenFull, stillFull, lostAfterwards }));
