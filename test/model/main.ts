import { parseArgs } from "node:util";
import { seededRandom } from "../../sim/random.ts";
import { Case } from "./case.ts";
import { explore, type Finding, judge, sceneOf, tell } from "./explore.ts";
import { randomHistory } from "./random-history.ts";
import { SCENES } from "./scenes.ts";

/** `npm run model`: all histories of the scenes up to a bound, then random ones. Prints what breaks an invariant. */
const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "3" },
    scene: { type: "string" },
    random: { type: "string", default: "0" },
    size: { type: "string", default: "24" },
    seed: { type: "string", default: "1" },
  },
});

function report(finding: Finding | null): void {
  if (finding === null) return;
  process.exitCode = 1;
  console.log(tell(finding));
}

for (const scene of values.scene === undefined ? SCENES : [sceneOf(values.scene)]) {
  const startMs = performance.now();
  const { histories, finding } = explore(scene, Number(values.entries));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${scene.name}: ${histories} histories of up to ${values.entries} entries in ${seconds} s`);
  report(finding);
}

const count = Number(values.random);
const startMs = performance.now();
for (let i = 0; i < count; i++) {
  const seed = `${values.seed}/${i}`;
  const world = new Case(randomHistory(seededRandom(seed), Number(values.size)));
  const finding = judge(world);
  if (finding !== null) console.log(`seed ${seed}`);
  report(finding);
}
if (count > 0) {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${count} random histories of up to ${values.size} entries in ${seconds} s`);
}
