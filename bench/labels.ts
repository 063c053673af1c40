import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { toHex } from "../src/core/bytes.ts";
import { groupPath, labelPath, serverAttributePath, serverLabelPath } from "../src/core/paths.ts";
import { atMost, type Figure, median } from "./figure.ts";
import { Fleet, LAB, submit } from "./fleet.ts";

/** As `bin/lab` starts an agent. */
const AGENT_FLAGS = ["--max-semi-space-size=1"];
const SERVERS = 1000;
const PROCESSES = 3;
const ROUNDS = 15;

/** What it costs to know what applies where. */
export async function labelFigures(note: (text: string) => void): Promise<Figure[]> {
  return [...(await engineFigures()), ...(await readFigures(note))];
}

interface Measured {
  readonly coldMs: number;
  readonly thousandServersMs: number;
  readonly serverMs: readonly number[];
  readonly labelMs: readonly number[];
  readonly peakMiB: number;
  readonly counts: Readonly<Record<string, number>>;
}

async function engineFigures(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "lab-bench-labels-"));
  const outfile = join(directory, "labels.cjs");
  const entryPoints = [join(import.meta.dirname, "labels-process.ts")];
  try {
    await build({ entryPoints, outfile, bundle: true, platform: "node", format: "cjs" });
    const runs = Array.from({ length: PROCESSES }, () => {
      return JSON.parse(execFileSync(process.execPath, [...AGENT_FLAGS, outfile], { encoding: "utf8" })) as Measured;
    });
    const of = (value: (run: Measured) => number): number => median(runs.map(value));
    const serverMs = runs.flatMap((run) => run.serverMs);
    const labelMs = runs.flatMap((run) => run.labelMs);
    const counts = runs[0]?.counts ?? {};
    const fleet = "10,000 servers × 200 labels × 100 nested groups × 300 alerts";
    const known = `${counts.members} memberships, secrets of every node (${counts.paths} paths), ${counts.problems} diagnostics`;
    const processes = `median of ${PROCESSES} processes`;
    const all = [...serverMs, ...labelMs];
    const worst = Math.max(...all).toFixed(1);
    const each = `a label given to a server ${median(serverMs).toFixed(1)} ms, a label declared anew ${median(labelMs).toFixed(1)}`;
    return [
      atMost(`${fleet}: cold`, of(({ coldMs }) => coldMs) / 1000, "s", 1, `from a folded view; ${known}; ${processes}`),
      atMost(
        "… peak resident memory",
        (of(({ peakMiB }) => peakMiB) * 2 ** 20) / 1e6,
        "MB",
        300,
        "of a process with that view, VmHWM",
      ),
      atMost(
        "… after one label changed",
        median(all),
        "ms",
        10,
        `fold included; ${each}; worst of ${all.length} ${worst}`,
      ),
      atMost(
        "… everything about 1,000 servers, with its reasons",
        of(({ thousandServersMs }) => thousandServersMs) / 1000,
        "s",
        1,
        "as show server says it",
      ),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function readFigures(note: (text: string) => void): Promise<Figure[]> {
  note(`enrolling ${SERVERS} servers`);
  const fleet = await Fleet.create(1, SERVERS);
  try {
    fleet.start();
    await fleet.converged(60_000);
    const [node] = fleet.nodes;
    if (node === undefined) throw new Error("no agent");
    const declared: Record<string, unknown> = { [groupPath("production")]: { match: { environment: ["prod"] } } };
    for (const label of ["web", "db", "arm"]) declared[labelPath(label)] = { puppetClasses: [`${label}::server`] };
    await submit(node.socket, fleet.pen.write(declared as never).bytes);
    for (let i = 0; i < fleet.logs.length; i += 100) {
      const writes = fleet.logs.slice(i, i + 100).flatMap((log, n) => [
        [serverLabelPath(toHex(log), (i + n) % 3 === 0 ? "web" : "db"), true],
        [serverAttributePath(toHex(log), "environment"), (i + n) % 2 === 0 ? "prod" : "staging"],
      ]);
      await submit(node.socket, fleet.pen.write(Object.fromEntries(writes) as never).bytes);
    }
    const read = ["get", "servers", "-l", "web,group=production", "--home", node.home];
    // It carries the label that brings the class.
    const why = ["why", node.name, "web::server", "--home", node.home];
    const bare: number[] = [];
    const reads: number[] = [];
    const whys: number[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      const [a, b, c] = [timed(process.execPath, ["-e", "0"]), timed(LAB, read), timed(LAB, why)];
      // The first round warms the page cache and is not counted.
      if (i === 0) continue;
      bare.push(a);
      reads.push(b);
      whys.push(c);
    }
    const versus = `node -e 0 in turn, medians of ${ROUNDS}: ${median(bare).toFixed(1)} ms`;
    return [
      atMost(`lab get servers -l …, ${SERVERS} servers`, median(reads) / median(bare), "×", 4, versus),
      atMost(`lab why, ${SERVERS} servers`, median(whys) / median(bare), "×", 3, versus),
    ];
  } finally {
    await fleet.end();
  }
}

function timed(command: string, argv: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(command, argv, { encoding: "utf8" });
  const tookMs = performance.now() - begin;
  if (status !== 0) throw new Error(`${command} ${argv.join(" ")}: ${stderr}`);
  return tookMs;
}
