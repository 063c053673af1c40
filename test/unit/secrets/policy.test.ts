import { describe, expect, test } from "vitest";
import { entitledPaths, mayRead } from "../../../src/core/policy/entitlement.ts";
import { exampleHomelab } from "./homelab.ts";

const ALL_PATHS = ["web/tls", "web/session-key", "mail/dkim", "db/password", "dns/zone-key", "root/ca"];

const DECLARED: Record<string, readonly string[]> = {
  "nas-1": ["dns/zone-key"],
  "nas-2": ["dns/zone-key"],
  "web-1": ["dns/zone-key", "web/session-key", "web/tls"],
  "web-2": ["db/password", "dns/zone-key", "web/session-key", "web/tls"],
  "mail-1": ["db/password", "dns/zone-key", "mail/dkim"],
  "pi-1": ["dns/zone-key"],
};

describe("entitlement", () => {
  test.each(Object.entries(DECLARED))("of %s is exactly what its labels declare", async (name, paths) => {
    const homelab = await exampleHomelab();
    const machine = homelab.machines.get(name)!;
    const view = machine.view();
    expect(entitledPaths(view, machine.id)).toEqual(paths);
    expect(ALL_PATHS.filter((path) => mayRead(view, machine.id, path)).sort()).toEqual(paths);
  });

  test("is of exact paths: nothing above, below or beside a declared one", async () => {
    const { by } = await exampleHomelab();
    const tricks = [
      "web",
      "web/",
      "web/tls/",
      "web/tls/key",
      "web//tls",
      "WEB/tls",
      "web/../mail/dkim",
      "*",
      "",
      "web/tls\0",
    ];
    expect(tricks.filter((path) => mayRead(by["web-1"].view(), by["web-1"].id, path))).toEqual([]);
  });

  test("does not come from a declaration that names something else than a path", async () => {
    const homelab = await exampleHomelab();
    homelab.declare("web", "*", "web/*", "../x", "web/tls");
    const { id } = homelab.by["web-1"];
    expect(entitledPaths(homelab.by["web-1"].view(), id)).toEqual(["dns/zone-key", "web/tls"]);
    homelab.write("label/web", { secrets: "web/tls" });
    expect(entitledPaths(homelab.by["web-1"].view(), id)).toEqual(["dns/zone-key"]);
  });

  test.each([
    ["cut", { state: "cut" }],
    ["suspended", { state: "suspended" }],
    ["not the owner of its name", { naming: "contested" }],
  ] as const)("is empty for a node that is %s", async (_standing, change) => {
    const homelab = await exampleHomelab();
    homelab.putNode(homelab.by["web-1"], change);
    expect(entitledPaths(homelab.by["web-1"].view(), homelab.by["web-1"].id)).toEqual([]);
    expect(mayRead(homelab.by["web-1"].view(), homelab.by["web-1"].id, "web/tls")).toBe(false);
  });

  test("is empty for a node that nobody let in", async () => {
    const { by } = await exampleHomelab();
    expect(entitledPaths(by["nas-1"].view(), "00".repeat(32))).toEqual([]);
    expect(mayRead(by["nas-1"].view(), "00".repeat(32), "dns/zone-key")).toBe(false);
  });
});
