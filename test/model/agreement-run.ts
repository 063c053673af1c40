import { parseArgs } from "node:util";
import { disagreementOf } from "./agreement.ts";

/** `npm run model:agreement`: random histories through the model and what ships. Prints what they disagree about. */
const { values } = parseArgs({
  options: { histories: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
});

const count = Number(values.histories);
const startMs = performance.now();
let disagreements = 0;
for (let i = 0; i < count; i++) {
  const found = disagreementOf(`${values.seed}/${i}`);
  if (found === null) continue;
  disagreements++;
  console.log(found);
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
console.log(`${count} histories of seed ${values.seed}, ${disagreements} disagreements, in ${seconds} s`);
process.exitCode = disagreements === 0 ? 0 : 1;
