import { start } from "../../../bench/damages.ts";
import { LabError } from "../../../src/core/errors.ts";
import { readNewestSnapshot } from "../../../src/node/platform/store/snapshots.ts";

/*
 * node healing-process.ts STORE SNAPSHOTS: opens a store as an agent does, says what it found, and holds it open. Begins
 * when it is sent a line.
 */

const [store = "", snapshots = ""] = process.argv.slice(2);
process.stdout.write("ready\n");
process.stdin.once("data", () => void begin());

async function begin(): Promise<void> {
  try {
    const { health } = await start(store, {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      snapshot: () => readNewestSnapshot(snapshots),
    });
    process.stdout.write(`${health().state}\n`);
  } catch (error) {
    process.stdout.write(`${error instanceof LabError ? error.code : String(error)}\n`);
  }
}
