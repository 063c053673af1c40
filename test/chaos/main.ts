// npm run chaos: agents that ship, in networks and on disks of their own, and what the kernel can do to them
import { flagLine, readFlags } from "../../scripts/flags.ts";
import { print } from "./report.ts";
import { runChaos } from "./run.ts";
import { directoryWithin, runInSandbox, settleIn, whyNoChaos, whyTooMany } from "./sandbox.ts";

const USAGE = `npm run chaos -- [--seed N] [--agents N] [--cuts S,S…] [--long] [-o json]

Agents that ship, as processes in network namespaces: the seed draws cuts, loss,
low rates, delay, stops, deaths, power cuts, new addresses, races for a token; a
hostile member is there all the time. Needs root. Ends with 1 if something that
must hold did not, and prints the command that repeats it.

${[
  flagLine("--seed N", "what happens (default 1)"),
  flagLine("--agents N", "how many agents, 4 to 100 (default 7)"),
  flagLine("--cuts S,S…", "seconds of each cut in two (default 5,40)"),
  flagLine("--long", "60 agents and cuts of 5, 40 and 600 s, unless said otherwise"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

For example, in a minute or two:
  npm run chaos -- --seed 3 --agents 5 --cuts 5`;

const OPTIONS = {
  seed: { type: "string" },
  agents: { type: "string" },
  cuts: { type: "string" },
  long: { type: "boolean" },
  output: { type: "string", short: "o" },
} as const;

interface Arguments {
  readonly seed: string;
  readonly agents: number;
  readonly cutsSeconds: readonly number[];
  readonly format: "text" | "json";
}

function readArguments(): Arguments {
  return readFlags(USAGE, OPTIONS, (values) => {
    const agents = Number(values.agents ?? (values.long ? "60" : "7"));
    if (!Number.isSafeInteger(agents) || agents < 4 || agents > 100) throw new Error("--agents takes 4 to 100");
    const cutsSeconds = (values.cuts ?? (values.long ? "5,40,600" : "5,40")).split(",").map(Number);
    if (!cutsSeconds.every((seconds) => seconds >= 1)) throw new Error("--cuts takes seconds, such as 5,40");
    const { output = "text" } = values;
    if (output !== "text" && output !== "json") throw new Error("-o takes text or json");
    return { seed: values.seed ?? "1", agents, cutsSeconds, format: output };
  });
}

async function main(): Promise<number> {
  const options = readArguments();
  const directory = directoryWithin();
  if (directory === null) {
    const why = whyNoChaos();
    if (why !== null) {
      process.stdout.write(`skipped: chaos ${why}\n`);
      return 0;
    }
    const tooMany = whyTooMany(options.agents);
    if (tooMany === null) return runInSandbox();
    process.stderr.write(`error: ${tooMany}\n`);
    return 2;
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
