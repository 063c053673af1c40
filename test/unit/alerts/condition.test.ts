import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CATALOGUE } from "../../../src/core/alerts/catalogue.ts";
import { type Condition, comparisons, parseCondition, printCondition } from "../../../src/core/alerts/condition.ts";
import { METRICS } from "../../../src/core/alerts/metric.ts";

function parsed(text: string): Condition {
  const found = parseCondition(text);
  if (found.state === "bad") throw new Error(`${found.fault.column}: ${found.fault.message}`);
  return found.condition;
}

describe("a condition", () => {
  it.each([
    ["disk_usage_percent > 85", "disk_usage_percent > 85"],
    ["disk_usage_percent>85%", "disk_usage_percent > 85"],
    ["cert_expiry_seconds < 14d", "cert_expiry_seconds < 1209600"],
    ["puppet_run_age_seconds >= 1h30m", "puppet_run_age_seconds >= 5400"],
    ["network_latency_seconds > 100ms", "network_latency_seconds > 0.1"],
    ["disk_free_bytes < 1.5GB", "disk_free_bytes < 1500000000"],
    ["disk_free_bytes < 2GiB", "disk_free_bytes < 2147483648"],
    ["gpu_temp_celsius > 80°C", "gpu_temp_celsius > 80"],
    ["smtp_up == 0", "smtp_up == 0"],
    ["prometheus:queue:depth_5m != -3", "prometheus:queue:depth_5m != -3"],
    ["( smtp_up==0 )", "smtp_up == 0"],
    [
      "cpu_usage_percent > 9 or smtp_up == 0 and imap_up == 0",
      "cpu_usage_percent > 9 or (smtp_up == 0 and imap_up == 0)",
    ],
    [
      "(cpu_usage_percent > 9 or smtp_up == 0) and imap_up == 0",
      "(cpu_usage_percent > 9 or smtp_up == 0) and imap_up == 0",
    ],
  ])("%s", (text, printed) => {
    expect(printCondition(parsed(text))).toBe(printed);
  });

  it.each([
    ["", 1, "a metric was expected"],
    ["disk_usage_percnt > 85", 1, '"disk_usage_percnt" is not a known metric, did you mean disk_usage_percent?'],
    [
      "own_metric > 1",
      1,
      '"own_metric" is not a known metric; what only Prometheus knows is written prometheus:own_metric',
    ],
    ["smtp_up == 0 and", 17, "a metric was expected"],
    ["smtp_up = 0", 9, "one of != < <= == > >= was expected"],
    ["smtp_up == up", 12, "a number was expected"],
    ["smtp_up == 2", 12, "it is 1 when all is well, else 0"],
    ["disk_usage_percent > 85GB", 24, '"GB" does not fit here, it is measured in percent: %'],
    ["cert_expiry_seconds < 14 days", 26, '"and", "or" or the end was expected'],
    ["cert_expiry_seconds < 14days", 25, '"days" does not fit here, it is measured in seconds: ms, s, m, h, d'],
    ["disk_usage_percent > 1.2.3", 25, "the end of the number was expected"],
    ["disk_usage_percent > 1e999", 22, "the number is out of range"],
    ["zabbix:x > 1", 1, '"zabbix" is not a backend: prometheus, nagios, cloudwatch'],
    ["(smtp_up == 0", 14, '")" was expected'],
    ["smtp_up == 0)", 13, '"and", "or" or the end was expected'],
    ["smtp_up == 0 imap_up == 0", 14, '"and", "or" or the end was expected'],
    [
      "constructor > 1",
      1,
      '"constructor" is not a known metric; what only Prometheus knows is written prometheus:constructor',
    ],
    ["smtp_up == 0".padEnd(2100), 2001, "it has more than 2000 characters"],
    [`${"(".repeat(30)}smtp_up == 0${")".repeat(30)}`, 22, "parentheses are more than 20 deep"],
  ])("%s is refused at its place", (text, column, message) => {
    expect(parseCondition(text)).toEqual({ state: "bad", fault: { column, message } });
  });

  it("means the same after it was printed, and any text is read or refused", () => {
    const comparison = fc.constantFrom(...Object.keys(METRICS), "prometheus:a_b").map((metric) => {
      const unit = METRICS[metric]?.unit;
      return `${metric} ${unit === "state" ? "== 0" : ">= 12.5"}`;
    });
    const condition = fc.letrec<{ any: string; two: string }>((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, comparison, tie("two")),
      two: fc
        .tuple(tie("any"), fc.constantFrom("and", "or"), tie("any"))
        .map(([a, word, b]) => `(${a}) ${word} (${b})`),
    })).any;
    fc.assert(
      fc.property(condition, (text) => {
        const once = parsed(text);
        expect(parsed(printCondition(once))).toEqual(once);
      }),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."smtp_up >=<!0 9()%andor:.".split("")), maxLength: 20 }),
        (text) => {
          const { state } = parseCondition(text);
          expect(["good", "bad"]).toContain(state);
        },
      ),
    );
  });
});

describe("the catalogue", () => {
  it.each(Object.entries(CATALOGUE))("%s has a condition of known metrics", (_, { condition }) => {
    expect(comparisons(parsed(condition)).every(({ backend }) => backend === null)).toBe(true);
  });

  it("has every alert that the example printouts of a fleet show", () => {
    const shown = [
      ...["cpu_threshold", "memory_threshold", "cert_expiry", "puppet_run_failed", "postgres_replication_lag"],
      ...["postgres_connections", "smtp_connect", "imap_connect", "mail_queue_length", "kubelet_healthy", "node_ready"],
    ];
    expect(shown.filter((name) => !(name in CATALOGUE))).toEqual([]);
  });
});
