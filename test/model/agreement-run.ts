import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { disagreementOf } from "./agreement.ts";

const USAGE = `npm run model:agreement -- [--histories N] [--seed S]

Random histories through the model and through what ships. Prints what they
disagree about, and ends with 1 then.

${flagLine("--histories N", "how many (default 20000)")}
${flagLine("--seed S", "which ones (default 1)")}

For example:
  npm run model:agreement -- --histories 500 --seed 2`;

const OPTIONS = { histories: { type: "string" }, seed: { type: "string" } } as const;
const { count, seed } = readFlags(USAGE, OPTIONS, (values) => ({
  count: numberFrom(1, "histories", values.histories ?? "20000"),
  seed: values.seed ?? "1",
}));
const startMs = performance.now();
let disagreements = 0;
for (let i = 0; i < count; i++) {
  const found = disagreementOf(`${seed}/${i}`);
  if (found === null) continue;
  disagreements++;
  console.log(found);
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
console.log(`${count} histories of seed ${seed}, ${disagreements} disagreements, in ${seconds} s`);
process.exitCode = disagreements === 0 ? 0 : 1;
