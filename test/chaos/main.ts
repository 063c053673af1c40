// npm run chaos: agents that ship, in networks and on disks of their own, and what the kernel can do to them
import { parseArgs } from "node:util";
import { print } from "./report.ts";
import { runChaos } from "./run.ts";
import { directoryWithin, runInSandbox, settleIn, whyNoChaos } from "./sandbox.ts";

const USAGE = `npm run chaos -- [--seed N] [--agents N] [--cuts S,S…] [--long] [-o json]

Agents that ship, as processes in network namespaces: the seed draws cuts, loss, low rates, delay, stops, deaths, power
cuts, new addresses, races for a token; a hostile member is there all the time. Needs root.

  --seed N     what happens (default 1)
  --agents N   how many agents, 4 to 100 (default 7)
  --cuts S,S…  seconds of each cut in two (default 5,40)
  --long       60 agents and cuts of 5, 40 and 600 s, unless said otherwise
  -o json      one line of JSON at the end`;

interface Arguments {
  readonly seed: string;
  readonly agents: number;
  readonly cutsSeconds: readonly number[];
  readonly format: "text" | "json";
}

function readArguments(): Arguments | null {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      agents: { type: "string" },
      cuts: { type: "string" },
      long: { type: "boolean", default: false },
      output: { type: "string", short: "o", default: "text" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const agents = Number(values.agents ?? (values.long ? "60" : "7"));
  if (!Number.isSafeInteger(agents) || agents < 4 || agents > 100) throw new Error("--agents takes 4 to 100");
  const cutsSeconds = (values.cuts ?? (values.long ? "5,40,600" : "5,40")).split(",").map(Number);
  if (!cutsSeconds.every((seconds) => seconds >= 1)) throw new Error("--cuts takes seconds, such as 5,40");
  if (values.output !== "text" && values.output !== "json") throw new Error("-o takes text or json");
  return { seed: values.seed, agents, cutsSeconds, format: values.output };
}

async function main(): Promise<number> {
  let options: Arguments | null;
  try {
    options = readArguments();
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    return 2;
  }
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const directory = directoryWithin();
  if (directory === null) {
    const why = whyNoChaos();
    if (why === null) return runInSandbox();
    process.stdout.write(`skipped: chaos ${why}\n`);
    return 0;
  }
  settleIn();
  const { seed, agents, cutsSeconds, format } = options;
  const replay = `npm run chaos -- --seed ${seed} --agents ${agents} --cuts ${cutsSeconds.join(",")}`;
  const report = await runChaos({ seed, agents, cutsSeconds, directory });
  if (format === "json") process.stdout.write(`${JSON.stringify(report)}\n`);
  else print(report, replay, directory);
  return report.violations.length === 0 ? 0 : 1;
}

process.exit(await main());
