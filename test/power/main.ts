import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { cutPower, percent } from "./cuts.ts";

const USAGE = `npm run power -- [--cuts N] [--seed S] [--unsynced] [-o json]

Cuts the power under a store that is being written, N times (default 200), and compares what is there
afterwards with what was acknowledged. Needs root, for a mount namespace with an ext4 file system of its own.

  --unsynced   the writer acknowledges too early: it must be found out`;

const { values } = parseArgs({
  options: {
    cuts: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    unsynced: { type: "boolean", default: false },
    output: { type: "string", short: "o", default: "text" },
    help: { type: "boolean", short: "h", default: false },
    /** Set for the process within the namespace. */
    within: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(`${USAGE}\n`);
else if (!values.within) {
  // Whatever happens to this process, its mounts are gone with it.
  const words = ["--mount", process.execPath, ...process.argv.slice(1), "--within"];
  const { status, error } = spawnSync("unshare", words, { stdio: "inherit" });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
} else {
  const cuts = Number(values.cuts);
  if (!Number.isSafeInteger(cuts) || cuts < 1) throw new Error(`--cuts takes a whole number above zero`);
  const startedMs = performance.now();
  const report = await cutPower({
    cuts,
    seed: values.seed,
    writer: values.unsynced ? "unsynced" : "synced",
    progress: (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${cuts} cuts`);
    },
  });
  const { batches, records, within, fullest, faults } = report;
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  if (values.output === "json") process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const held = `${cuts} power cuts in ${seconds} s over ${batches} acknowledged batches of ${records} records`;
    process.stdout.write(
      `${held}; ${within} of them within a write, on file systems at most ${percent(fullest)} full\n`,
    );
    process.stdout.write(faults.length === 0 ? "✓ nothing lost, no half batch\n" : `✗ ${faults.join("\n✗ ")}\n`);
  }
  process.exitCode = faults.length === 0 ? 0 : 1;
}
