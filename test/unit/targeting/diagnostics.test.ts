import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/core/json.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import { alertPath, groupPath, labelPath, scanPath, secretPath } from "../../../src/core/paths.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { type HandMadeNode, handMadeView } from "./hand-made-view.ts";

function of(desired: Readonly<Record<string, Json>>, nodes: Readonly<Record<string, HandMadeNode>> = {}) {
  const targeting = Targeting.of(fleetOf(handMadeView(nodes, desired)));
  const told = targeting.diagnostics.map(({ code, kind, name, message }) => `${code} ${kind} ${name}: ${message}`);
  return { targeting, told };
}

const members = (targeting: Targeting, name: string) =>
  targeting.index.names(targeting.groups.get(name)?.members ?? targeting.index.empty);

describe("declarations that arrived and do not fit together", () => {
  it("groups in a circle give each other nothing, and keep what else they have", () => {
    const { targeting, told } = of(
      {
        [groupPath("a")]: { groups: ["b"], servers: ["web-1"] },
        [groupPath("b")]: { groups: ["c"], servers: ["web-2"] },
        [groupPath("c")]: { match: { labels: ["db"] }, exclude: { groups: ["a"] } },
        [groupPath("self")]: { groups: ["self"], servers: ["web-1"] },
        [groupPath("out")]: { groups: ["a", "b"] },
      },
      { "web-1": { labels: ["db"] }, "web-2": {} },
    );
    expect(["a", "b", "c", "self", "out"].map((name) => members(targeting, name))).toEqual([
      ["web-1"],
      ["web-2"],
      ["web-1"],
      ["web-1"],
      ["web-1", "web-2"],
    ]);
    expect(told.filter((text) => text.startsWith("cycle"))).toEqual([
      "cycle group a: these groups contain each other: a, b, c; the references between them bring nothing",
      "cycle group self: it contains itself; the references between them bring nothing",
    ]);
  });

  it("a chain of groups may be longer than any stack", () => {
    const links = Array.from({ length: 20_000 }, (_, i) => [groupPath(`g${i}`), { groups: [`g${i + 1}`] }] as const);
    const { targeting, told } = of(
      { ...Object.fromEntries(links), [groupPath("g20000")]: { servers: ["web-1"] } },
      { "web-1": {} },
    );
    expect(members(targeting, "g0")).toEqual(["web-1"]);
    expect(told).toEqual([]);
  });

  it("names that nothing stands behind bring nothing, and the nearest that exists is named", () => {
    const { targeting, told } = of(
      {
        [groupPath("front")]: {
          match: { labels: ["wbe"] },
          servers: ["web-9"],
          groups: ["bakc"],
          exclude: { labels: ["old"] },
        },
        [groupPath("back")]: { servers: ["web-1"] },
        [labelPath("web")]: { alerts: ["smtp_conect"], secrets: ["web/tls"], size: "smal" },
      },
      { "web-1": { labels: ["web", "extra"] } },
    );
    expect(members(targeting, "front")).toEqual([]);
    expect(told).toEqual([
      "dangling group front: group bakc is not declared (nearest: back)",
      "dangling group front: label old is not declared",
      "dangling group front: label wbe is not declared (nearest: web)",
      "dangling group front: server web-9 is not declared (nearest: web-1)",
      "undeclared label extra: no declaration describes it, on 1 server (web-1)",
      "undeclared label web: secret web/tls is not declared",
      "unknown-alert label web: alert smtp_conect is not declared, and the catalogue has none of that name (nearest: smtp_connect)",
      "undeclared size smal: no declaration describes it, used by 1 record (label web)",
    ]);
  });

  it("what two labels say of one parameter holds on neither's servers, unless somebody above decides", () => {
    const { targeting, told } = of(
      {
        [labelPath("web")]: { puppetClasses: [{ name: "nginx", parameters: { port: 80, ssl: true } }] },
        [labelPath("edge")]: { puppetClasses: [{ name: "nginx", parameters: { port: 8080, ssl: true } }] },
        [groupPath("eu")]: { servers: ["web-2"], puppetClasses: [{ name: "nginx", parameters: { port: 443 } }] },
      },
      { "web-1": { labels: ["web", "edge"] }, "web-2": { labels: ["web", "edge"] }, "web-3": { labels: ["web"] } },
    );
    const given = [0, 1, 2].map((place) => targeting.classes.of(place)[0]?.parameters);
    expect(given).toEqual([{ ssl: true }, { port: 443, ssl: true }, { port: 80, ssl: true }]);
    expect(told).toEqual([
      "clash class nginx: labels edge, web disagree about port on 1 server (web-1); it is not set there",
    ]);
  });

  it("a condition that cannot be read is told with its place, and the alert is still about its servers", () => {
    const { targeting, told } = of(
      { [alertPath("low")]: { condition: "disk_usage_percnt > 85" }, [alertPath("none")]: {} },
      { "web-1": {} },
    );
    expect([...(targeting.alerts.get("low")?.servers ?? [])]).toEqual([0]);
    expect(told).toEqual([
      'bad-condition alert low: column 1 of "disk_usage_percnt > 85": "disk_usage_percnt" is not a known metric, ' +
        "did you mean disk_usage_percent?; it is rendered nowhere",
      "bad-condition alert none: it has no condition; it is rendered nowhere",
    ]);
  });

  it("a damaged key of a rule never matches more than was written", () => {
    const { targeting } = of(
      {
        [groupPath("prod")]: { match: { environment: 7 } },
        [alertPath("low")]: { condition: "smtp_up == 0", target: { labels: [3] } },
      },
      { "web-1": { attributes: { environment: "prod" } } },
    );
    expect(members(targeting, "prod")).toEqual([]);
    expect([...(targeting.alerts.get("low")?.servers ?? [])]).toEqual([]);
  });

  it("a class that no label brings grants nothing, and says which secret its code would need", () => {
    const reference = { path: "web/tls", text: "lab::secret('web/tls')", file: "init.pp", line: 1 };
    const { targeting, told } = of(
      {
        [groupPath("eu")]: { servers: ["web-1"], puppetClasses: ["nginx"] },
        [scanPath("nginx")]: { references: [reference], tree: "00" },
        [secretPath("web/tls")]: { type: "static" },
      },
      { "web-1": {} },
    );
    expect(targeting.secrets.of(0)).toEqual([]);
    expect(told).toEqual([
      "not-granted class nginx: its code names secret web/tls, which no label grants to 1 server (web-1)",
    ]);
  });

  it("two secrets of one server that would have one name in its environment are told", () => {
    const desired: Readonly<Record<string, Json>> = {
      [labelPath("web")]: { secrets: ["web/tls-key"] },
      [labelPath("db")]: { secrets: ["web-tls/key"] },
      [secretPath("web/tls-key")]: { type: "static" },
      [secretPath("web-tls/key")]: { type: "static" },
    };
    expect(of(desired, { "web-1": { labels: ["web"] }, "db-1": { labels: ["db"] } }).told).toEqual([]);
    expect(of(desired, { "web-1": { labels: ["web", "db"] } }).told).toEqual([
      "name-collision secret web-tls/key: web-tls/key and web/tls-key are both LAB_SECRET_WEB_TLS_KEY on 1 server (web-1)",
    ]);
  });
});
