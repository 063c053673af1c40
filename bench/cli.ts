import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, type Figure, median } from "./figure.ts";
import { Fleet, LAB } from "./fleet.ts";

const ROUNDS = 15;
const SERVERS = 100;

/** What a command costs a person, against a bare start of the same Node. */
export async function cliFigures(): Promise<Figure[]> {
  const fleet = await Fleet.create(1, SERVERS);
  const config = mkdtempSync(join(tmpdir(), "lab-bench-config-"));
  try {
    fleet.start();
    await fleet.converged(30_000);
    const home = fleet.nodes[0]?.home as string;
    const read = ["get", "servers", "--home", home];
    const bare: number[] = [];
    const reads: number[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      // The first round warms the page cache and is not counted.
      const [a, b] = [timed(process.execPath, ["-e", "0"]), timed(LAB, read)];
      if (i > 0) bare.push(a);
      if (i > 0) reads.push(b);
    }
    const versus = `node -e 0 in turn, medians of ${ROUNDS}: ${median(bare).toFixed(1)} ms`;
    return [
      atMost(`lab get servers, ${SERVERS} servers`, median(reads) / median(bare), "×", 2, versus),
      ...(await writeFigures(config)),
    ];
  } finally {
    await fleet.end();
    rmSync(config, { recursive: true, force: true });
  }
}

/** Sign, send, durable: through the real command with a real operator's key. */
async function writeFigures(directory: string): Promise<Figure[]> {
  const home = join(directory, "home");
  const env = { LAB_CONFIG: join(directory, "config"), LAB_HOME: home };
  run(["init", "--local", "--node", "nas-1", "--recovery", "later"], env);
  run(["agent", "--detach", "--listen", "127.0.0.1:0", "--no-mdns"], env);
  try {
    const bare: number[] = [];
    const writes: number[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      const a = timed(process.execPath, ["-e", "0"]);
      const b = timed(LAB, ["label", "server", "nas-1", `bench-${i}`], env);
      if (i > 0) bare.push(a);
      if (i > 0) writes.push(b);
    }
    const versus = `node -e 0 in turn, medians of ${ROUNDS}: ${median(bare).toFixed(1)} ms`;
    return [
      atMost("lab label server (sign, send, durable)", median(writes) / median(bare), "×", 5, versus),
      secretFigure(directory, env),
    ];
  } finally {
    run(["agent", "stop"], env);
  }
}

/** A script that reads a secret starts a command for it. */
function secretFigure(directory: string, env: Record<string, string>): Figure {
  const [value, declared] = [join(directory, "value"), join(directory, "declared.yaml")];
  writeFileSync(value, "a password");
  writeFileSync(declared, 'labels: { "*": { secrets: [db/password] } }');
  run(["apply", "-f", declared], env);
  run(["secret", "set", "db/password", "--from-file", value], env);
  const bare: number[] = [];
  const reads: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const a = timed(process.execPath, ["-e", "0"]);
    const b = timed(LAB, ["secret", "get", "db/password"], env);
    if (i > 0) bare.push(a);
    if (i > 0) reads.push(b);
  }
  const versus = `node -e 0 in turn, medians of ${ROUNDS}: ${median(bare).toFixed(1)} ms`;
  return atMost("lab secret get", median(reads) / median(bare), "×", 2.5, versus);
}

function timed(command: string, argv: readonly string[], env: Record<string, string> = {}): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(command, argv, { env: { ...process.env, ...env }, encoding: "utf8" });
  const tookMs = performance.now() - begin;
  if (status !== 0) throw new Error(`${command} ${argv.join(" ")}: ${stderr}`);
  return tookMs;
}

function run(argv: readonly string[], env: Record<string, string>): void {
  timed(LAB, argv, env);
}
