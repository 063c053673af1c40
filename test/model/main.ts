import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { seededRandom } from "../../sim/random.ts";
import { Case } from "./case.ts";
import { explore, type Finding, judge, sceneOf, tell } from "./explore.ts";
import { randomHistory } from "./random-history.ts";
import { SCENES } from "./scenes.ts";

const USAGE = `npm run model -- [--entries N] [--scene NAME]
npm run model -- --random COUNT [--size N] [--seed S]

All histories of the model's scenes up to a bound, then random ones. Prints what
breaks an invariant, and ends with 1 then (docs/protocol/model.md).

${[
  flagLine(
    "--entries N",
    "how many entries are added to a scene (default 3; every one more takes twenty times as long)",
  ),
  flagLine("--scene NAME", "one of the scenes in test/model/scenes.ts"),
  flagLine("--random COUNT", "so many random histories besides (default 0)"),
  flagLine("--size N", "entries of a random history at most (default 24)"),
  flagLine("--seed S", "which random histories (default 1)"),
].join("\n")}

For example:
  npm run model -- --entries 2 --random 1000`;

const OPTIONS = {
  entries: { type: "string" },
  scene: { type: "string" },
  random: { type: "string" },
  size: { type: "string" },
  seed: { type: "string" },
} as const;

const { scenes, entries, count, size, seed } = readFlags(USAGE, OPTIONS, (values) => ({
  scenes: values.scene === undefined ? SCENES : [sceneOf(values.scene)],
  entries: numberFrom(0, "entries", values.entries ?? "3"),
  count: numberFrom(0, "random", values.random ?? "0"),
  size: numberFrom(1, "size", values.size ?? "24"),
  seed: values.seed ?? "1",
}));

function report(finding: Finding | null): void {
  if (finding === null) return;
  process.exitCode = 1;
  console.log(tell(finding));
}

for (const scene of scenes) {
  const startMs = performance.now();
  const { histories, finding } = explore(scene, entries);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${scene.name}: ${histories} histories of up to ${entries} entries in ${seconds} s`);
  report(finding);
}

const startMs = performance.now();
for (let i = 0; i < count; i++) {
  const one = `${seed}/${i}`;
  const world = new Case(randomHistory(seededRandom(one), size));
  const finding = judge(world);
  if (finding !== null) console.log(`seed ${one}`);
  report(finding);
}
if (count > 0) {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${count} random histories of up to ${size} entries in ${seconds} s`);
}
