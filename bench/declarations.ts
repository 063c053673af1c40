import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, type Figure, median } from "./figure.ts";
import { LAB, ROOT } from "./fleet.ts";

const ROUNDS = 9;
const SERVERS = 1000;

/** Reads the same files with the same library, and does nothing else with them. */
const PARSE = `
const { readFileSync, readdirSync } = require("node:fs");
const { parse } = require(process.argv[1]);
for (const name of readdirSync(process.argv[2])) parse(readFileSync(process.argv[2] + "/" + name, "utf8"));
`;

/** What planning costs when files say what is: against parsing them alone, whole processes in turn. */
export function declarationFigures(): Figure[] {
  const directory = mkdtempSync(join(tmpdir(), "lab-bench-declarations-"));
  const files = join(directory, "files");
  const env = { LAB_CONFIG: join(directory, "config"), LAB_HOME: join(directory, "home") };
  mkdirSync(files);
  writeFileSync(join(files, "servers.yaml"), serversYaml());
  writeFileSync(join(files, "rest.yaml"), restYaml());
  timed(LAB, ["init", "--local", "--node", "nas-1", "--recovery", "later"], env);
  timed(LAB, ["agent", "--detach", "--listen", "127.0.0.1:0", "--no-mdns"], env);
  try {
    timed(LAB, ["apply", "-f", files, "-q"], env);
    const alone: number[] = [];
    const plans: number[] = [];
    for (let i = 0; i <= ROUNDS; i++) {
      // The first round warms the page cache and is not counted.
      const a = timed(process.execPath, ["-e", PARSE, join(ROOT, "node_modules/yaml"), files]);
      const b = timed(LAB, ["plan", "-f", files, "-q"], env);
      if (i > 0) alone.push(a);
      if (i > 0) plans.push(b);
    }
    const versus = `parsing the same files with yaml alone in turn, medians of ${ROUNDS}: ${median(alone).toFixed(0)} ms`;
    const name = `lab plan -f, nothing changed, ${SERVERS} servers`;
    return [atMost(name, median(plans) / median(alone), "×", 3, versus)];
  } finally {
    timed(LAB, ["agent", "stop"], env);
    rmSync(directory, { recursive: true, force: true });
  }
}

function serversYaml(): string {
  const lines = Array.from({ length: SERVERS }, (_, i) => {
    const rest = "environment: prod, region: eu-west, size: large";
    return `  web-${i}: { provider: aws, labels: [l${i % 100}, prod, eu-west], ${rest} }\n`;
  });
  return `servers:\n${lines.join("")}`;
}

function restYaml(): string {
  const labels = Array.from({ length: 100 }, (_, i) => `  l${i}: { ports: [${8000 + i}], puppet_classes: [nginx] }\n`);
  return `labels:\n  prod:\n  eu-west:\n${labels.join("")}sizes:\n  large: { abstract: { cores: 8, memory: 32GB } }\n`;
}

function timed(command: string, argv: readonly string[], env: Record<string, string> = {}): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(command, argv, { env: { ...process.env, ...env }, encoding: "utf8" });
  const tookMs = performance.now() - begin;
  if (status !== 0) throw new Error(`${command} ${argv.join(" ")}: ${stderr}`);
  return tookMs;
}
