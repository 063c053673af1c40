import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { ROOT } from "../fleet.ts";
import { type Cost, type Curve, curveOf, type Measure } from "./cost.ts";
import { plot, short } from "./plot.ts";

const USAGE = `npm run growth -- [--sizes N,N…]

What one machine costs in meshes of several sizes, in the simulator. Prints the
table, and writes it to docs/growth.md with its plot, docs/growth.svg. Takes
minutes; a mesh of 300 needs 2 GiB.

${flagLine("--sizes N,N…", "how many machines (default 10,30,100,300)")}

For example, in less than a minute:
  npm run growth -- --sizes 5,10,20`;

const MEASURES: readonly { readonly measure: Measure; readonly title: string }[] = [
  { measure: "idleMessages", title: "idle: messages/s" },
  { measure: "idleBytes", title: "idle: bytes/s" },
  { measure: "busyMessages", title: "writes: messages/s" },
  { measure: "busyBytes", title: "writes: bytes/s" },
  { measure: "storeKiB", title: "store, KiB" },
  { measure: "memoryKiB", title: "memory, KiB" },
  { measure: "spreadSeconds", title: "a write is everywhere, s" },
  { measure: "healSeconds", title: "agreed after a cut, s" },
];

/** What keeps a measure from being flat, where it is known. */
const REASONS: Partial<Record<Measure, string>> = {
  storeKiB:
    "every machine keeps the enrolment and the last report of every other one: no peer is needed to know the mesh",
  memoryKiB: "every machine folds all members into its view, and keeps a place in its tables for each",
};

// Nothing that is told depends on what else the machine does: the largest runs beside all others.
const sizes = readFlags(USAGE, { sizes: { type: "string" } }, ({ sizes: text = "10,30,100,300" }) => {
  const several = text.split(",").map((size) => numberFrom(3, "sizes", size));
  if (several.length < 2) throw new Error("--sizes takes two sizes or more: a curve is drawn through them");
  return several;
});
const largest = Math.max(...sizes);
const [first, rest] = await Promise.all([measure([largest]), measure(sizes.filter((size) => size !== largest))]);
const costs = [...rest, ...first].sort((a, b) => a.nodes - b.nodes);

writeFileSync(join(ROOT, "docs/growth.svg"), plot(costs, MEASURES));
writeFileSync(join(ROOT, "docs/growth.md"), page());
process.stdout.write(table());

/** One after the other, each in a process of its own. */
async function measure(worlds: readonly number[]): Promise<Cost[]> {
  const measured: Cost[] = [];
  for (const size of worlds) {
    process.stderr.write(`measuring ${size} machines\n`);
    const argv = ["--expose-gc", "--max-semi-space-size=64", join(import.meta.dirname, "world.ts"), String(size)];
    const { stdout } = await promisify(execFile)(process.execPath, argv);
    measured.push(JSON.parse(stdout) as Cost);
  }
  return measured;
}

function table(): string {
  const head = ["", ...costs.map(({ nodes }) => String(nodes)), "grows as", "is"];
  const rows = MEASURES.map(({ measure, title }) => {
    const curve = curveOf(costs, measure);
    return [title, ...costs.map((cost) => short(cost[measure])), `N^${curve.exponent.toFixed(2)}`, called(curve)];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

function called({ kind }: Curve): string {
  switch (kind) {
    case "flat":
      return "flat";
    case "logarithmic":
      return "no more than logarithmic";
    case "more":
      return "**more**";
  }
}

function page(): string {
  const more = MEASURES.filter(({ measure }) => curveOf(costs, measure).kind === "more");
  const because = more.map(({ measure, title }) => `- **${title}**: ${REASONS[measure] ?? "the reason is not known"}.`);
  const took = costs.map(({ nodes, virtualSeconds, cpuSeconds }) => {
    return `${nodes}: ${virtualSeconds.toFixed(0)} s in ${cpuSeconds.toFixed(0)} s`;
  });
  return `# Growth

What one machine costs in meshes of several sizes, measured by \`npm run growth\` in the [simulator](simulator.md): the agent that
ships, a world without faults but one cut. After a minute of settling: a minute in which nobody writes; two minutes
with the simulator's workload, ten writes a minute in the whole fleet; a cut in two equal halves for 30 s, with a change on each
side, and its heal.

${table()}
![Cost of one machine by size of the mesh](growth.svg)

Per machine. Messages are questions, answers and copies of broadcasts, those among them that come a second time; bytes are what
is said, without what TCP and Noise add. Memory is that of the whole world divided by its machines, after a collection: the
world's own tables are in it. Each machine holds its own entries; values on disks, which many have, count once. \`N^0\` is
flat, and the logarithm from 10 to 300 is about \`N^0.27\`; dashed in the plot. Each time is that of one world: at ten machines
the end of a cut is a matter of chance, 0.2 to 1.1 s in worlds of eight to fourteen.

${because.length === 0 ? "Nothing grows faster than the logarithm." : `What grows faster, and why:\n\n${because.join("\n")}`}

Virtual time and CPU time of the worlds: ${took.join("; ")}.
`;
}
