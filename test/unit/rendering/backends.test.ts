import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METRICS } from "../../../src/core/alerts/metric.ts";
import type { Json } from "../../../src/core/json.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import { alertPath, groupPath, labelPath } from "../../../src/core/paths.ts";
import { type Rendering, render } from "../../../src/core/rendering/render.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { handMadeView } from "../targeting/hand-made-view.ts";

const SUFFIX: Readonly<Record<string, string>> = {
  seconds: "2h",
  bytes: "5GB",
  percent: "85",
  celsius: "70",
  count: "7",
};

/** A fleet with an alert for every metric that there is, each way round, and the whole catalogue. */
function everything(): Targeting {
  const alerts: Record<string, Json> = {};
  const declare = (name: string, condition: string, more: Record<string, Json> = {}) => {
    alerts[alertPath(name)] = { condition, target: { groups: ["production"] }, forSeconds: 120, ...more };
  };
  for (const [metric, { unit }] of Object.entries(METRICS)) {
    const value = unit === "state" ? "0" : (SUFFIX[unit] ?? "1");
    // A test file is run against all rules of its file: several of them are faster than one.
    const target = { groups: [`production-${unit}`] };
    declare(`${metric}_a`, `${metric} ${unit === "state" ? "==" : ">"} ${value}`, { target });
    declare(`${metric}_b`, `${metric} ${unit === "state" ? "!=" : "<"} ${unit === "state" ? "1" : value}`, {
      severity: "critical",
      target,
    });
  }
  declare("both", "cpu_usage_percent > 90 and memory_usage_percent > 80");
  declare("either", "cpu_usage_percent > 90 or disk_usage_percent >= 95", { target: null });
  declare("nested", "(cpu_usage_percent > 50 or load_per_core > 4) and server_up == 1", { forSeconds: 0 });
  declare("range", "temperature_celsius > 10 and temperature_celsius < 20");
  declare("own", "prometheus:queue_depth > 10");
  declare('odd "name"; with {{ braces }} and \n lines', "cpu_usage_percent > 1");
  declare("nonsense", "cpu_usage > 1");
  const server = (provider: string) => ({
    labels: ["all-alerts"],
    attributes: { environment: "prod", provider, size: "s" },
  });
  const nodes = {
    "db-1": server("baremetal"),
    "web-1": server("aws"),
    "web-2": server("proxmox"),
    "test-1": { attributes: { environment: "test", provider: "baremetal" } },
  };
  return Targeting.of(
    fleetOf(
      handMadeView(nodes, {
        ...alerts,
        ...Object.fromEntries(
          ["", "-percent", "-seconds", "-bytes", "-celsius", "-count", "-state"].map((unit) => [
            groupPath(`production${unit}`),
            { match: { environment: ["prod"] } },
          ]),
        ),
        [labelPath("all-alerts")]: {
          ports: [80, 443, 53],
          alerts: ["kubelet_healthy", "api_server_down", "smtp_connect"],
        },
      }),
    ),
  );
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "lab-render-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(backend: string, { files }: Rendering): string {
  const root = join(directory, backend);
  for (const { path, content } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const lacks = (program: string) => spawnSync(program, ["--version"]).error !== undefined;
const reason = (program: string) => (lacks(program) ? ` (skipped: ${program} is not installed)` : "");

describe("alerts for Prometheus", () => {
  const rendering = render(everything(), "prometheus");
  const tests = () => rendering.files.filter(({ path }) => path.startsWith("tests/")).map(({ path }) => path);

  it("leave out only what is no condition, and say why", () => {
    expect(rendering.skipped).toEqual([
      { name: "nonsense", reason: expect.stringContaining("did you mean cpu_usage_percent?") as string },
    ]);
  });

  it("go to a file for each group, and what nobody declared to one of its own", () => {
    const rules = rendering.files.map(({ path }) => path).filter((path) => path.startsWith("rules/"));
    expect(rules).toEqual(
      ["catalogue", "fleet", "production"]
        .concat(["bytes", "celsius", "count", "percent", "seconds", "state"].map((unit) => `production-${unit}`))
        .map((name) => `rules/${name}.yaml`),
    );
  });

  it(`are accepted by promtool check rules${reason("promtool")}`, ({ skip }) => {
    if (lacks("promtool")) skip();
    const root = write("prometheus", rendering);
    const rules = rendering.files.filter(({ path }) => path.startsWith("rules/")).map(({ path }) => join(root, path));
    const said = execFileSync("promtool", ["check", "rules", "--lint=all", "--lint-fatal", ...rules], {
      encoding: "utf8",
    });
    expect(said).toContain("SUCCESS");
  });

  it(`mean what was declared, by their own tests${reason("promtool")}`, ({ skip }) => {
    if (lacks("promtool")) skip();
    const root = write("prometheus", rendering);
    const said = spawnSync("promtool", ["test", "rules", ...tests()], { cwd: root, encoding: "utf8" });
    expect(said.stderr).toBe("");
    expect(said.status).toBe(0);
    // Every alert has a test that expects it and one that does not.
    const content = rendering.files.map((file) => (file.path.startsWith("tests/") ? file.content : "")).join("");
    const alerts = (
      rendering.files
        .map((file) => (file.path.startsWith("rules/") ? file.content : ""))
        .join("")
        .match(/- alert:/g) ?? []
    ).length;
    expect((content.match(/exp_alerts:\n/g) ?? []).length).toBe(alerts);
    expect((content.match(/exp_alerts: \[\]/g) ?? []).length).toBe(alerts);
  });

  it(`fail their tests when an expression is altered${reason("promtool")}`, ({ skip }) => {
    if (lacks("promtool")) skip();
    const altered = rendering.files.map((file) => ({
      ...file,
      content: file.path === "rules/production-percent.yaml" ? file.content.replace("> 85", "< 85") : file.content,
    }));
    const root = write("altered", { ...rendering, files: altered });
    const said = spawnSync("promtool", ["test", "rules", "tests/production-percent.yaml"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(said.status).not.toBe(0);
  });
});

describe("alerts for Nagios", () => {
  const rendering = render(everything(), "nagios");

  it(`are accepted by nagios4 -v${reason("nagios4")}`, ({ skip }) => {
    if (lacks("nagios4")) skip();
    const root = write("nagios", rendering);
    // Whom to tell is the installation's business.
    writeFileSync(
      join(root, "contacts.cfg"),
      [
        "define contact {\n  contact_name root\n  host_notification_commands lab-ssh\n  service_notification_commands lab-ssh",
        "  host_notification_period lab-always\n  service_notification_period lab-always\n}\n",
      ].join("\n"),
    );
    const state = join(directory, "nagios-state");
    mkdirSync(state, { recursive: true });
    const config = join(directory, "nagios.cfg");
    writeFileSync(
      config,
      [
        `cfg_dir=${root}`,
        `log_file=${state}/nagios.log`,
        `lock_file=${state}/nagios.lock`,
        `temp_file=${state}/nagios.tmp`,
        `status_file=${state}/status.dat`,
        `object_cache_file=${state}/objects.cache`,
        `command_file=${state}/nagios.cmd`,
        `check_result_path=${state}`,
        "nagios_user=root",
        "nagios_group=root",
        "illegal_macro_output_chars=`~$&|'\"<>",
        "",
      ].join("\n"),
    );
    const said = spawnSync("nagios4", ["-v", config], { encoding: "utf8" });
    expect(said.stdout).toContain("Total Errors:   0");
    expect(said.stdout).toMatch(/Checked \d+ services/);
  });

  it("are for servers that are no virtual machines", () => {
    const services = rendering.files.find(({ path }) => path === "lab-services.cfg")?.content ?? "";
    expect(services).toContain("db-1");
    expect(services).not.toContain("web-1");
  });

  it("say of each that no check can tell why", () => {
    const told = new Map(rendering.skipped.map(({ name, reason: why }) => [name, why]));
    expect(told.get("both")).toBe("nagios has no cpu_usage_percent");
    expect(told.get("gpu_temp_celsius_a")).toBe("nagios has no gpu_temp_celsius");
    expect(told.get("own")).toBe("prometheus:queue_depth is a metric of prometheus");
    expect(told.get("disk_usage_percent_b")).toBe("nagios has no check for disk_usage_percent < 85");
  });
});

describe("alerts for CloudWatch", () => {
  const rendering = render(everything(), "cloudwatch");
  const template = JSON.parse(rendering.files[0]?.content ?? "") as {
    Parameters: Record<string, unknown>;
    Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  };

  it("are alarms of the instances that are at Amazon", () => {
    expect(Object.keys(template.Parameters)).toEqual(["InstanceWebz1"]);
    expect(template.Resources["AlarmDiskzusagezpercentzaWebz1"]).toEqual({
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmName: "web-1 disk_usage_percent_a",
        AlarmDescription: "disk_usage_percent > 85 (warning): disk_usage_percent > 85",
        Namespace: "CWAgent",
        MetricName: "disk_used_percent",
        Statistic: "Maximum",
        ComparisonOperator: "GreaterThanThreshold",
        Threshold: 85,
        TreatMissingData: "missing",
        Dimensions: [{ Name: "InstanceId", Value: { Ref: "InstanceWebz1" } }],
        Period: 60,
        EvaluationPeriods: 2,
      },
    });
  });

  it("have names that CloudFormation takes, no two alike", () => {
    for (const [name, { Type }] of Object.entries(template.Resources)) {
      expect(name).toMatch(/^[A-Za-z0-9]{1,255}$/);
      expect(Type).toBe("AWS::CloudWatch::Alarm");
    }
  });
});
