import { randomBytes } from "node:crypto";
import { relative } from "node:path";
import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { seededRandom } from "../../sim/random.ts";
import { Coverage } from "./coverage.ts";
import { type Finding, fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

const USAGE = `npm run fuzz -- [--seconds S] [--seed TEXT] [--target NAME]

Gives every reader of bytes from outside altered and invented bytes, in turn.
Prints what fails, with the seed that does it again, and how much of the
readers' code ran. Ends with 1 if something failed.

${[
  flagLine("--seconds S", "how long (default 60)"),
  flagLine("--seed TEXT", "which bytes (default: others each time)"),
  flagLine("--target NAME", "readers with this in their names"),
].join("\n")}

For example:
  npm run fuzz -- --seconds 10 --target entry`;

const OPTIONS = { seconds: { type: "string" }, seed: { type: "string" }, target: { type: "string" } } as const;
const all = await targets();
const { seconds, seed, chosen } = readFlags(USAGE, OPTIONS, (values) => {
  const { target = "" } = values;
  const named = all.filter(({ name }) => name.includes(target));
  if (named.length === 0)
    throw new Error(`no reader has "${target}" in its name: ${all.map(({ name }) => name).join(", ")}`);
  return {
    seconds: numberFrom(1, "seconds", values.seconds ?? "60"),
    seed: values.seed ?? randomBytes(4).toString("hex"),
    chosen: named,
  };
});
const READERS =
  /src\/(core\/(encoding|enrolment|fields|report|audit|selector\/term|secrets\/(messages|envelope|freshness|operator-read))|crdt\/(entry\/entry|authority\/bodies|ledger\/update-codec|sync\/(exchange|removal-notice))|mesh\/(gossip-message|libp2p\/frames)|node\/secrets\/cache-record)[.]ts$/;
const AT_ONCE = 2_000;

const coverage = new Coverage();
await coverage.start();
const endMs = performance.now() + seconds * 1000;
const findings = new Map<string, Finding>();
const tallies = new Map(chosen.map(({ name }) => [name, { tried: 0, understood: 0 }]));
for (let round = 0; performance.now() < endMs; round++) {
  for (const target of chosen) {
    const random = seededRandom(`${seed} ${round} ${target.name}`);
    const { tried, understood } = await fuzz(target, random, AT_ONCE, (finding) =>
      findings.set(`${finding.target} ${finding.what}`, finding),
    );
    const tally = tallies.get(target.name) as { tried: number; understood: number };
    tally.tried += tried;
    tally.understood += understood;
  }
}

const line = (text: string) => process.stdout.write(`${text}\n`);
line(`seed ${seed}`);
for (const [name, { tried, understood }] of tallies) {
  line(`${name.padEnd(34)} ${String(tried).padStart(9)} tried, ${String(understood).padStart(8)} understood`);
}
line("");
for (const { file, functions, functionsRun, share } of await coverage.take(READERS)) {
  const name = relative(process.cwd(), file);
  line(
    `${name.padEnd(34)} ${(100 * share).toFixed(0).padStart(3)} % of its code, ${functionsRun} of ${functions} functions`,
  );
}
for (const { target, what, message } of findings.values()) line(`\n${target}: ${what}\n  ${message}`);
process.exitCode = findings.size === 0 ? 0 : 1;
