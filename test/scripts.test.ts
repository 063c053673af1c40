import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leaveBackup } from "./scripts/attic-backup.ts";
import { FixtureAgent, readWorld } from "./scripts/fixture-agent.ts";
import { HouseholdAgent } from "./scripts/household-agent.ts";
import { masked } from "./scripts/masked.ts";
import { perform, splitLine } from "./scripts/transcript.ts";

/**
 * Every `scripts/*.txt` is a transcript: lines with `$ ` are commands, what follows is what they said, stderr with
 * `! ` before each line. Comments set the stage: `# agent: WORLD` (or none, or household: two real replicas and alice's
 * key), `# terminal: COLUMNS`, `# piped`, `# file: NAME` with the text below it. What is not `lab` a shell runs.
 * `# backup` leaves a backup of alice's mesh and the paper with its code.
 * `# masked` writes keys, tokens, sizes of what is new in every run as <…>. Colours are off unless a line says `NO_COLOR=`; the escape character is written ␛. `UPDATE=1` writes them anew.
 */
const folder = join(import.meta.dirname, "scripts");

async function agentOf(world: string, socket: string): Promise<FixtureAgent | HouseholdAgent | undefined> {
  if (world === "none") return undefined;
  return world === "household" ? HouseholdAgent.open(socket) : new FixtureAgent(socket, readWorld(world));
}

describe("transcripts of the command line", () => {
  let home: string;
  let agent: FixtureAgent | HouseholdAgent | undefined;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "lab-script-"));
    mkdirSync(join(home, "lab/run"), { recursive: true });
  });

  afterEach(async () => {
    await agent?.close();
    agent = undefined;
    rmSync(home, { recursive: true, force: true });
  });

  async function play(script: string): Promise<string> {
    const said: string[] = [];
    let columns: number | undefined;
    let file: string | undefined;
    let isMasked = false;
    for (const line of script.split("\n")) {
      const text = /^# {3}(.*)$/.exec(line)?.[1];
      if (file !== undefined && text !== undefined) appendFileSync(join(home, file), `${text}\n`);
      else file = /^# file: (.*)$/.exec(line)?.[1];
      if (file !== undefined && text === undefined) {
        mkdirSync(dirname(join(home, file)), { recursive: true });
        writeFileSync(join(home, file), "");
      }
      const [, directive, value = ""] = /^# (agent|backup|terminal|piped|masked)(?:: (.*))?$/.exec(line) ?? [];
      if (directive === "agent") {
        await agent?.close();
        agent = await agentOf(value, join(home, "lab/run/agent.sock"));
        await agent?.listen();
      } else if (directive === "backup") {
        await leaveBackup(home);
      } else if (directive === "masked") {
        isMasked = true;
      } else if (directive !== undefined) {
        columns = directive === "terminal" ? Number(value) : undefined;
      }
      if (line === "" || line.startsWith("#")) said.push(line);
      if (!line.startsWith("$ ")) continue;
      if (!/^[$] ([A-Z_]+=("[^"]*"|\S*) )*lab\b/.test(line)) {
        said.push(line, ...shell(line.slice(2)));
        continue;
      }
      const { env, words } = splitLine(line.slice(2).replace(/\blab\b/, ""));
      const stage = {
        NO_COLOR: "1",
        HOME: home,
        LAB_HOME: join(home, "lab"),
        LAB_CONFIG: agent instanceof HouseholdAgent ? agent.config : join(home, "config"),
        PATH: process.env["PATH"] ?? "",
        // Else the operator of a new mesh is called after whoever runs the tests.
        USER: "alice",
        ...env,
      };
      const { exit, both } = await perform(words, { env: stage, cwd: home, columns });
      said.push(line);
      const heard = both.replaceAll(home, "~").replaceAll("\u001b", "␛").replace(/\n$/, "");
      if (heard !== "") said.push(isMasked ? masked(heard) : heard);
      if (exit !== 0) said.push(`[exit ${exit}]`);
    }
    return said.join("\n");
  }

  function shell(command: string): string[] {
    const { stdout, stderr, status } = spawnSync("/bin/sh", ["-c", command], { cwd: home, encoding: "utf8" });
    const said = `${stdout}${stderr}`.replaceAll(home, "~").replace(/\n$/, "");
    return [...(said === "" ? [] : [said]), ...(status === 0 ? [] : [`[exit ${status}]`])];
  }

  /** Only what the transcript's author wrote: stage, comments, commands, and the empty lines before them. */
  function inputOf(transcript: string): string {
    const lines = transcript.split("\n");
    const isInput = (line: string | undefined) => line !== undefined && (/^[$#]/.test(line) || line === "");
    return lines
      .filter((line, i) => isInput(line) && (line !== "" || i === lines.length - 1 || /^[$#]/.test(lines[i + 1] ?? "")))
      .join("\n");
  }

  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    it(`${file.replace(/[.]txt$/, "").replaceAll("-", " ")}`, async () => {
      const path = join(folder, file);
      const transcript = readFileSync(path, "utf8");
      const played = await play(inputOf(transcript));
      if (process.env["UPDATE"]) writeFileSync(path, played);
      expect(played).toBe(process.env["UPDATE"] ? played : transcript);
    });
  }
});
