import { randomBytes } from "node:crypto";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../../sim/random.ts";
import { Coverage } from "./coverage.ts";
import { type Finding, fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

// npm run fuzz -- [--seconds 60] [--seed TEXT] [--target NAME]: every reader in turn, and which of their code ran.

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: randomBytes(4).toString("hex") },
    target: { type: "string", default: "" },
  },
});
const READERS =
  /src\/(core\/(encoding|enrolment|fields|report|audit|selector\/term|secrets\/(messages|envelope|freshness|operator-read))|crdt\/(entry\/entry|authority\/bodies|ledger\/update-codec|sync\/(exchange|removal-notice))|mesh\/(gossip-message|libp2p\/frames)|node\/cache-record)[.]ts$/;
const AT_ONCE = 2_000;

const chosen = (await targets()).filter(({ name }) => name.includes(values.target));
const coverage = new Coverage();
await coverage.start();
const endMs = performance.now() + Number(values.seconds) * 1000;
const findings = new Map<string, Finding>();
const tallies = new Map(chosen.map(({ name }) => [name, { tried: 0, understood: 0 }]));
for (let round = 0; performance.now() < endMs; round++) {
  for (const target of chosen) {
    const random = seededRandom(`${values.seed} ${round} ${target.name}`);
    const { tried, understood } = await fuzz(target, random, AT_ONCE, (finding) =>
      findings.set(`${finding.target} ${finding.what}`, finding),
    );
    const tally = tallies.get(target.name) as { tried: number; understood: number };
    tally.tried += tried;
    tally.understood += understood;
  }
}

const line = (text: string) => process.stdout.write(`${text}\n`);
line(`seed ${values.seed}`);
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
