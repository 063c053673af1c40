// Measures targeting in a process of its own, and prints one line of JSON.
import { readFileSync } from "node:fs";
import { FleetReader } from "../src/core/model/fleet-reader.ts";
import { labelPath, serverLabelPath } from "../src/core/paths.ts";
import { entitledPaths } from "../src/core/policy/entitlement.ts";
import { Targeting } from "../src/core/targeting/targeting.ts";
import { appliedToServer } from "../src/core/targeting/views/server.ts";
import { LabelledFleet } from "./labelled-fleet.ts";

const ROUNDS = 15;

const fleet = new LabelledFleet({ servers: 10_000, labels: 200, groups: 100, alerts: 300 });
const first = fleet.view();

let begin = performance.now();
const lap = (): number => {
  const now = performance.now();
  const took = now - begin;
  begin = now;
  return took;
};

const reader = new FleetReader();
let targeting = Targeting.of(reader.read(first));
let paths = 0;
for (const id of fleet.ids) paths += entitledPaths(first, id).length;
let members = 0;
for (let place = 0; place < fleet.ids.length; place++) members += targeting.groupsOf(place).length;
const problems = targeting.diagnostics.length;
const coldMs = lap();

let applied = 0;
for (let place = 0; place < 1000; place++) applied += appliedToServer(targeting, place).alerts.length;
const thousandServersMs = lap();

/** From the entry in the ledger to the answer about the server that it concerns. */
function changed(path: string, value: true | { ports: number[]; alerts: string[] } | undefined): number {
  fleet.write({ [path]: value });
  begin = performance.now();
  targeting = Targeting.of(reader.read(fleet.view()), targeting);
  return lap();
}

const serverMs: number[] = [];
const labelMs: number[] = [];
for (let i = 0; i < ROUNDS; i++) {
  const id = fleet.ids[i * 17] as string;
  serverMs.push(changed(serverLabelPath(id, "label-7"), i % 2 === 0 ? true : undefined));
  labelMs.push(changed(labelPath("label-7"), { ports: [i + 1], alerts: ["smtp_connect"] }));
}
const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
const counts = { paths, members, problems, applied };
process.stdout.write(
  `${JSON.stringify({ coldMs, thousandServersMs, serverMs, labelMs, peakMiB: Number(peak) / 1024, counts })}\n`,
);
