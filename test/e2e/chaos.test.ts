import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { whyNoChaos } from "../chaos/sandbox.ts";
import { until } from "./until.ts";

const program = join(import.meta.dirname, "../chaos/main.ts");

const reason = whyNoChaos();
const skipped = reason === null ? "" : ` (skipped: ${reason})`;
const RUN_MS = 180_000;

/* What a run judges, `npm run chaos` shows; this holds that nothing of it stays. */

/** Directories of runs that go on, or that failed. */
const directories = () => readdirSync(tmpdir()).filter((name) => name.startsWith("lab-chaos-"));

/** Processes that were started with a directory of chaos. */
function processesIn(directory: string): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(directory));
}

function commandOf(pid: string): string {
  try {
    return `${readFileSync(`/proc/${pid}/cmdline`, "utf8")}\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`;
  } catch {
    return "";
  }
}

describe.skipIf(reason !== null)(`chaos${skipped}`, () => {
  it(
    "leaves no process, mount, network or file, however it is ended",
    async () => {
      for (const signal of ["SIGINT", "SIGKILL"] as const) {
        const before = new Set(directories());
        const run = spawn(process.execPath, [program, "--agents", "4"], { stdio: ["ignore", "ignore", "pipe"] });
        let said = "";
        run.stderr.on("data", (text: Buffer) => (said += text.toString()));
        const directory = () => directories().find((name) => !before.has(name)) ?? "none";
        await until("an agent runs", () => processesIn(directory()).length > 4, { withinMs: 60_000, pollMs: 200 });
        const own = directory();
        run.kill(signal);
        await until(`all have ended after ${signal}: ${said}`, () => processesIn(own).length === 0);
        expect(spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout).not.toContain("lab1n");
        expect(readFileSync("/proc/mounts", "utf8")).not.toContain(own);
        // Whoever is killed cannot tidy up; the next run has a directory of its own.
        if (signal === "SIGINT") await until("its directory is gone", () => !directories().includes(own));
        else spawnSync("rm", ["-r", join(tmpdir(), own)]);
      }
    },
    RUN_MS,
  );
});
