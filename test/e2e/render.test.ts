import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Lab, type Machine } from "./lab.ts";

let lab: Lab;
let nas: Machine;

beforeEach(async () => {
  lab = Lab.open();
  nas = lab.machine("nas-1");
  await nas.found();
});
afterEach(() => lab.close());

const read = (...path: string[]) => readFileSync(join(lab.root, ...path), "utf8");

test("alerts are written as rules with their tests, and what is no more is taken away", async () => {
  await nas.run(["set", "server", "nas-1", "provider=baremetal"]);
  await nas.run(["render", "alerts", "--backend", "nagios", "--out", "monitoring"]);
  expect(read("monitoring", "lab-services.cfg")).toContain("cert_expiry");

  writeFileSync(join(lab.root, "monitoring", "mine.cfg"), "# not lab's\n");
  await nas.run(["render", "alerts", "--backend", "prometheus", "--out", "monitoring"]);
  expect(read("monitoring", "rules", "catalogue.yaml")).toContain('alert: "cert_expiry"');
  expect(read("monitoring", "tests", "catalogue.yaml")).toContain("exp_alerts");
  expect(existsSync(join(lab.root, "monitoring", "lab-services.cfg"))).toBe(false);
  expect(readdirSync(join(lab.root, "monitoring")).sort()).toEqual([".lab-rendered", "mine.cfg", "rules", "tests"]);
});

test("a manifest that leads out of the directory is refused, and nothing out there is removed", async () => {
  await nas.run(["render", "alerts", "--backend", "prometheus", "--out", "monitoring"]);
  writeFileSync(join(lab.root, "precious"), "kept");
  writeFileSync(join(lab.root, "monitoring", ".lab-rendered"), "../precious\n");
  const { exit, stderr } = await nas.try(["render", "alerts", "--backend", "prometheus", "--out", "monitoring"]);
  expect(exit).toBe(1);
  expect(stderr).toContain("outside of");
  expect(read("precious")).toBe("kept");
});

test("without a backend the choice is shown, and what a backend cannot be told is listed", async () => {
  const { exit, stderr } = await nas.try(["render", "alerts"]);
  expect(exit).toBe(2);
  expect(stderr).toContain("--backend prometheus, nagios or cloudwatch");
  await nas.run(["set", "server", "nas-1", "provider=baremetal", "size=small"]);
  const nagios = await nas.try(["render", "alerts", "--backend", "nagios"]);
  expect(nagios.stderr).toContain("puppet_run_failed is not rendered: nagios has no puppet_failed_resources");
});
