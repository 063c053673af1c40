import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LabError } from "../../../src/core/errors.ts";
import { type ServerLike, selectServers } from "../../../src/core/selector/select.ts";
import { parseSelector, printTerm, SELECTOR_KEYS } from "../../../src/core/selector/term.ts";

function server(name: string, more: Partial<ServerLike> = {}): ServerLike {
  const unknown = { state: "unknown", detail: "" };
  const pillars = { sync: unknown, puppet: unknown, health: unknown, identity: { state: "ok", detail: "enrolled" } };
  return { name, labels: [], groups: [], online: "yes", ...pillars, ...more };
}

const fleet = [
  server("nas-1", {
    labels: ["secret-store", "prod"],
    groups: ["stores"],
    region: "eu-west",
    provider: "baremetal",
  }),
  server("web-1", {
    labels: ["web", "prod"],
    environment: "prod",
    region: "eu-west",
    provider: "proxmox",
    size: "medium",
    sync: { state: "drift", detail: "drift" },
  }),
  server("web-2", {
    ...{ labels: ["web"], environment: "staging", region: "eu-north", provider: "proxmox", online: "no" },
    puppet: { state: "failed", detail: "failed" },
    health: { state: "warning", detail: "2 alrt" },
  }),
  server("dgx", { identity: { state: "pending", detail: "pending" }, online: "unknown" }),
];

const chosen = (...selectors: string[]) => selectServers(fleet, { selectors }).map(({ name }) => name);

function failure(run: () => unknown): LabError {
  try {
    run();
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a selector", () => {
  it("reads a bare word as a label", () => {
    expect(chosen("web")).toEqual(["web-1", "web-2"]);
  });

  it("wants all terms, also those of several selectors", () => {
    expect(chosen("web,prod")).toEqual(["web-1"]);
    expect(chosen("web", "prod")).toEqual(["web-1"]);
  });

  it.each([
    ["region=eu-west", ["nas-1", "web-1"]],
    ["region!=eu-west", ["web-2", "dgx"]],
    ["!region=eu-west", ["web-2", "dgx"]],
    ["!region!=eu-west", ["nas-1", "web-1"]],
    ["region in (eu-west,eu-north)", ["nas-1", "web-1", "web-2"]],
    ["! region in ( eu-west , eu-north ) ", ["dgx"]],
    ["label in (secret-store,web), provider = proxmox", ["web-1", "web-2"]],
    ["role=secret-store", ["nas-1"]],
    ["group=stores", ["nas-1"]],
    ["group!=stores,web", ["web-1", "web-2"]],
    ["sync=drift", ["web-1"]],
    ["puppet=failed", ["web-2"]],
    ["health in (warning,failed)", ["web-2"]],
    ["sync=unknown", ["nas-1", "web-2", "dgx"]],
    ["online=no", ["web-2"]],
    ["identity=pending", ["dgx"]],
    ["identity=enrolled,!web", ["nas-1"]],
    ["server in (dgx,nas-1)", ["nas-1", "dgx"]],
    ["!prod,!web", ["dgx"]],
  ])("%s", (selector, names) => {
    expect(chosen(selector)).toEqual(names);
  });

  it.each([
    ["", 1],
    ["web,", 5],
    ["web prod", 5],
    ["web;prod", 4],
    ["region=", 8],
    ["region==eu", 8],
    ["region in eu", 8],
    ["role in (a", 11],
    ["app=web", 1],
    ["!!web", 2],
    ["(web)", 1],
  ])("refuses %j at column %i", (selector, column) => {
    const error = failure(() => parseSelector(selector));
    expect(error.code).toBe("Usage");
    expect(error.message).toContain(`column ${column}:`);
  });

  it("says that labels have no values", () => {
    expect(failure(() => parseSelector("app=web")).facts.hint).toContain("labels never have values");
    expect(failure(() => parseSelector("env=prod")).facts.hint).toContain("environment");
  });

  it("names the nearest value that exists, whatever the term wants of it", () => {
    for (const selector of ["wbe", "!wbe", "label in (prod,wbe)"]) {
      const error = failure(() => chosen(selector));
      expect(error.code).toBe("NothingMatched");
      expect(error.facts.notes).toEqual(["nearest: web"]);
    }
  });

  it("knows labels that are declared and not carried", () => {
    expect(failure(() => chosen("mailserver")).message).toContain("does not exist");
    const known = { label: ["mailserver"] };
    expect(failure(() => selectServers(fleet, { selectors: ["mailserver"], known })).message).toContain(
      "no server matches",
    );
    expect(selectServers(fleet, { selectors: ["!mailserver"], known })).toHaveLength(4);
  });

  it("takes no match for an error, unless an empty answer is good", () => {
    const error = failure(() => chosen("web,role=secret-store"));
    expect([error.code, error.facts.notes]).toEqual(["NothingMatched", ["web: 2 of 4", "role=secret-store: 1 of 4"]]);
    expect(selectServers(fleet, { selectors: ["web,role=secret-store"], allowEmpty: true })).toEqual([]);
    expect(failure(() => selectServers(fleet, { selectors: ["wbe"], allowEmpty: true })).code).toBe("NothingMatched");
  });

  it("answers with every server when nothing was asked, also with none", () => {
    expect(selectServers(fleet, {})).toHaveLength(4);
    expect(selectServers([], {})).toEqual([]);
  });

  it("narrows names, and names the nearest of an unknown one", () => {
    expect(selectServers(fleet, { names: ["web-2", "nas-1"] }).map(({ name }) => name)).toEqual(["nas-1", "web-2"]);
    const error = failure(() => selectServers(fleet, { names: ["web-9"] }));
    expect([error.code, error.message, error.facts.notes]).toEqual([
      "NotFound",
      'server "web-9" does not exist',
      ["nearest: web-1, web-2"],
    ]);
  });
});

describe("selectors of any shape", () => {
  const values = ["a", "b", "c-1", "x.y", "pxe"];
  const someOf = fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 });
  const orNone = fc.option(fc.constantFrom(...values), { nil: null });
  const pillar = fc.record({ state: fc.constantFrom(...values), detail: fc.constantFrom(...values, "") });
  const servers = fc.array(
    fc.record({
      name: fc.constantFrom(...values),
      labels: someOf,
      groups: someOf,
      environment: orNone,
      region: orNone,
      provider: orNone,
      size: orNone,
      online: fc.constantFrom(...values),
      sync: pillar,
      puppet: pillar,
      health: pillar,
      identity: pillar,
    }),
    { maxLength: 6 },
  );

  /** What a server has under a key, told a second time and in another way. */
  function has(one: ServerLike, key: string, value: string): boolean {
    switch (key) {
      case "label":
        return new Set(one.labels).has(value);
      case "role":
        return value === "pxe" && one.labels.includes("pxe");
      case "group":
        return one.groups.includes(value);
      case "server":
        return one.name === value;
      case "sync":
      case "puppet":
      case "health":
      case "identity":
        return one[key].state === value || one[key].detail === value;
      default:
        return (one as unknown as Record<string, string | null>)[key] === value;
    }
  }

  interface Sample {
    readonly text: string;
    readonly holds: (one: ServerLike) => boolean;
  }

  const space = fc.constantFrom("", " ", "  ");
  const key = fc.constantFrom(...SELECTOR_KEYS);
  const value = fc.constantFrom(...values);
  const positive: fc.Arbitrary<Sample> = fc.oneof(
    value.map((v) => ({ text: v, holds: (one: ServerLike) => has(one, "label", v) })),
    fc
      .tuple(key, space, value)
      .map(([k, s, v]) => ({ text: `${k}${s}=${s}${v}`, holds: (one: ServerLike) => has(one, k, v) })),
    fc
      .tuple(key, space, value)
      .map(([k, s, v]) => ({ text: `${k}${s}!=${s}${v}`, holds: (one: ServerLike) => !has(one, k, v) })),
    fc.tuple(key, space, fc.array(value, { minLength: 1, maxLength: 3 })).map(([k, s, list]) => ({
      text: `${k} in${s}(${s}${list.join(`${s},${s}`)}${s})`,
      holds: (one: ServerLike) => list.some((v) => has(one, k, v)),
    })),
  );
  const term = fc.tuple(fc.boolean(), space, positive).map(([negated, s, { text, holds }]): Sample => {
    return { text: negated ? `!${s}${text}` : text, holds: (one) => holds(one) !== negated };
  });
  const selector = fc.array(term, { minLength: 1, maxLength: 4 }).map(
    (terms): Sample => ({
      text: terms.map(({ text }) => text).join(","),
      holds: (one) => terms.every(({ holds }) => holds(one)),
    }),
  );
  const known = Object.fromEntries(SELECTOR_KEYS.map((name) => [name, values]));

  it("choose what a plain reading of each term chooses", () => {
    fc.assert(
      fc.property(servers, selector, (all, { text, holds }) => {
        expect(selectServers(all, { selectors: [text], known, allowEmpty: true })).toEqual(all.filter(holds));
      }),
    );
  });

  it("mean the same after they were printed", () => {
    fc.assert(
      fc.property(selector, ({ text }) => {
        const terms = parseSelector(text);
        expect(parseSelector(terms.map(printTerm).join(","))).toEqual(terms);
      }),
    );
  });

  it("are read or refused, never anything else", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab-!=,()in ".split("")), maxLength: 14 }), (text) => {
        try {
          expect(parseSelector(text).length).toBeGreaterThan(0);
        } catch (error) {
          expect((error as LabError).code).toBe("Usage");
        }
      }),
    );
  });
});
