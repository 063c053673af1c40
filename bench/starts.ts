import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./figure.ts";
import { ask, type Fleet, LAB } from "./fleet.ts";
import { measure } from "./process-cost.ts";

const STARTS = 5;
const POLL_MS = 5;

/** Starts the agent of the first home again and again. */
export async function starts(fleet: Fleet): Promise<{ readonly medianMs: number; readonly from: string }> {
  const [node] = fleet.nodes;
  if (node === undefined) throw new Error("no home");
  const [took, worked]: [number[], number[]] = [[], []];
  for (let i = 0; i <= STARTS; i++) {
    const beganMs = performance.now();
    const agent = spawn(LAB, ["agent", "--home", node.home, "--listen", node.address, "--no-mdns"], {
      stdio: "ignore",
    });
    const ended = new Promise<void>((resolve) => agent.once("exit", () => resolve()));
    while ((await ask(node.socket, "/v1/status").catch(() => null)) === null) {
      if (agent.exitCode !== null) throw new Error("the agent ended");
      await sleep(POLL_MS);
    }
    // The first warms the page cache, and is not counted.
    if (i > 0) {
      took.push(performance.now() - beganMs);
      worked.push(measure(agent.pid as number).cpuS);
    }
    agent.kill("SIGTERM");
    await ended;
  }
  const all = took.map((ms) => (ms / 1000).toFixed(2)).join(", ");
  const from = `median of ${STARTS} starts: ${all} s; of CPU ${median(worked).toFixed(2)} s`;
  return { medianMs: median(took), from };
}
