import { describe, expect, test } from "vitest";
import { findingsOf } from "../../../src/core/alarms/findings.ts";
import { EXPOSED_DEADLINE_MS, exposuresOf } from "../../../src/core/exposure/exposures.ts";
import type { Json } from "../../../src/core/json.ts";
import { secretPath, secretVersionPath } from "../../../src/core/paths.ts";
import type { Grant } from "../../../src/core/secrets/grant-log.ts";
import { writeVersion } from "../../../src/core/secrets/version.ts";
import type { Departure } from "../../../src/core/view.ts";
import { handMadeView } from "../targeting/hand-made-view.ts";
import { exampleHomelab } from "./homelab.ts";

const BYTES = new Uint8Array(32);
const GENERATORS = new Set(["random"]);
const NOW_MS = 5000;
const KNOWING = "aa".repeat(32);

function version(atMs: number, more: { readonly class?: string; readonly tips?: readonly string[] } = {}): Json {
  const { class: kind = "store", tips = [] } = more;
  const body = kind === "sealed" ? BYTES : null;
  return writeVersion({ class: kind, commitment: BYTES, heads: BYTES, tips, restores: null, body, atMs });
}

/** What stands there; a version's id is its path in this view. */
function house(departures: readonly Departure[], desired: Readonly<Record<string, Json>>) {
  return { ...handMadeView({}, desired), departures: () => departures };
}

function left(name: string, from: Departure["from"], atMs = 1000): Departure {
  return { id: `id-${name}`, name, from, atMs, isKnownTo: (tips) => tips.includes(KNOWING) };
}

function grant(path: string, more: Partial<Grant> = {}): Grant {
  const of = { store: "nas-1", node: "id-web-1", name: "web-1", path, version: secretVersionPath(path), times: 1 };
  return { ...of, operator: null, firstMs: 500, lastMs: 900, ...more };
}

const BOTH = {
  [secretPath("db/password")]: { type: "dynamic", generator: "random" },
  [secretVersionPath("db/password")]: version(10),
  [secretVersionPath("web/tls")]: version(10),
};

describe("what is exposed", () => {
  test("is nothing while nobody has left, whoever was served what", () => {
    expect(exposuresOf(house([], BOTH), [grant("web/tls")], GENERATORS, NOW_MS)).toEqual([]);
  });

  test("is what a removed machine was served of what counts now: stores make the one, somebody sets the other", () => {
    const view = house([left("web-1", "mesh")], BOTH);
    expect(exposuresOf(view, [grant("db/password"), grant("web/tls")], GENERATORS, NOW_MS)).toMatchObject([
      { path: "db/password", type: "dynamic", sinceMs: 1000, deadlineMs: null },
      { path: "web/tls", type: "static", deadlineMs: 1000 + EXPOSED_DEADLINE_MS, holders: [{ name: "web-1" }] },
    ]);
  });

  test("is not what another machine was served, nor what it never fetched", () => {
    const view = house([left("web-1", "mesh")], BOTH);
    expect(exposuresOf(view, [grant("web/tls", { node: "id-web-2", name: "web-2" })], GENERATORS, NOW_MS)).toEqual([]);
  });

  test("ends with a new value, which the removed machine was never served", () => {
    const view = house([left("web-1", "mesh")], BOTH);
    expect(exposuresOf(view, [grant("web/tls", { version: "the one before" })], GENERATORS, NOW_MS)).toEqual([]);
  });

  test("is guessed to be the current one where a store of an older release did not say which", () => {
    const view = house([left("web-1", "mesh")], BOTH);
    const untold = (lastMs: number) =>
      exposuresOf(view, [grant("web/tls", { version: null, lastMs })], GENERATORS, NOW_MS);
    expect(untold(900)).toHaveLength(1);
    expect(untold(9)).toEqual([]);
  });

  test("is all that a former store could read, and nothing that was written by somebody who knew that it left", () => {
    const view = house([left("nas-2", "stores")], {
      [secretVersionPath("old/one")]: version(10),
      [secretVersionPath("new/one")]: version(2000, { tips: [KNOWING] }),
      [secretVersionPath("new/beside")]: version(2000),
      [secretVersionPath("root/ca")]: version(10, { class: "sealed" }),
    });
    const paths = exposuresOf(view, [], GENERATORS, NOW_MS).map(({ path }) => path);
    expect(paths).toEqual(["new/beside", "old/one"]);
  });

  test("is what an operator read whose key was cut, by that key and no other", () => {
    const view = house([left("bob", "operators")], BOTH);
    const read = (path: string, operator: string) => grant(path, { node: null, operator, name: "bob" });
    const grants = [read("db/password", "id-bob"), read("web/tls", "id-bob on another device"), grant("web/tls")];
    expect(exposuresOf(view, grants, GENERATORS, NOW_MS)).toMatchObject([
      { path: "db/password", type: "dynamic", holders: [{ id: "id-bob", name: "bob", as: "operator" }] },
    ]);
  });

  test("is what a removed machine has of the value before, while that is valid besides", () => {
    const before = { version: "be".repeat(32), untilMs: NOW_MS + 1 };
    const metadata = {
      class: "store",
      commitment: BYTES,
      heads: BYTES,
      tips: [],
      restores: null,
      body: null,
      atMs: 10,
    };
    const overlapping = writeVersion({ ...metadata, before });
    const view = house([left("web-1", "mesh")], { ...BOTH, [secretVersionPath("db/password")]: overlapping });
    const grants = [grant("db/password", { version: before.version })];
    expect(exposuresOf(view, grants, GENERATORS, NOW_MS)).toMatchObject([{ path: "db/password", type: "dynamic" }]);
    expect(exposuresOf(view, grants, GENERATORS, before.untilMs)).toEqual([]);
  });

  test("is an alarm when somebody should have set a new value by now", () => {
    const calm = { meshName: "homelab", members: [], isolated: null, missingRoles: [], contestedNames: [] };
    const facts = { ...calm, forks: [], contestedTokens: [] };
    const overdueSecrets = [{ path: "web/tls", sinceMs: 0, holders: ["web-1"] }];
    expect(findingsOf({ ...facts, overdueSecrets })).toMatchObject([
      {
        kind: "secret-exposed",
        about: "web/tls",
        detail: "web/tls is what web-1 had when it left on 1970-01-01: lab secret set web/tls",
      },
    ]);
  });
});

describe("a store that learns of an exposure", () => {
  test("makes a new value at once, without overlap, once, and leaves alone what somebody has to set", async () => {
    const homelab = await exampleHomelab();
    const paths = ["web/session-key", "web/tls"];
    const declared = { type: "dynamic", generator: "random", overlapSeconds: 3600 };
    homelab.write(secretPath("web/session-key"), declared);
    await homelab.set("web/tls", "by hand", homelab.by["web-1"]);
    await homelab.pass(5000);
    const versionOf = (path: string) => homelab.by["nas-1"].view().desired(secretVersionPath(path))?.entry ?? "";
    const before = paths.map(versionOf);
    const sinceMs = homelab.clock.now();
    const exposures = paths.map((path) => {
      const type = path === "web/tls" ? ("static" as const) : ("dynamic" as const);
      return { path, version: versionOf(path), type, sinceMs, deadlineMs: null, holders: [] };
    });
    homelab.exposures = () => exposures;
    homelab.label("pi-1", "noticed");
    await homelab.pass(10_000);
    const after = paths.map(versionOf);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    const metadata = homelab.by["nas-1"].view().desired(secretVersionPath("web/session-key"))?.value;
    expect(metadata).not.toHaveProperty("before");
    await homelab.pass(10 * 60_000);
    expect(paths.map(versionOf)).toEqual(after);
  });
});
