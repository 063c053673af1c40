import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { describeProcess, endProcesses, runs } from "../../../src/demo/processes.ts";

async function start(script: string) {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return { child, process: describeProcess(child.pid ?? 0) };
}

const DEAF = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")';

describe("processes of the demo", () => {
  it("end politely, and by force if they do not", async () => {
    const [polite, deaf] = [await start('setInterval(() => {}, 1000); console.log("up")'), await start(DEAF)];
    const signals = Promise.all([once(polite.child, "exit"), once(deaf.child, "exit")]);
    await endProcesses([polite.process, deaf.process], { graceMs: 300 });
    expect(runs(polite.process) || runs(deaf.process)).toBe(false);
    expect(await signals).toEqual([
      [null, "SIGTERM"],
      [null, "SIGKILL"],
    ]);
  });

  it("are never taken for another process with their number", async () => {
    const { child, process: own } = await start('setInterval(() => {}, 1000); console.log("up")');
    const predecessor = { ...own, started: String(Number(own.started) - 1) };
    expect(runs(predecessor)).toBe(false);
    await endProcesses([predecessor], { graceMs: 0 });
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect(runs(own)).toBe(true);
    await endProcesses([own], { graceMs: 0 });
    expect(runs(own)).toBe(false);
  });
});
