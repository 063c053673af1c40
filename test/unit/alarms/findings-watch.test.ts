import { beforeEach, describe, expect, it } from "vitest";
import type { Complaint } from "../../../src/core/alarms/findings.ts";
import type { Node } from "../../../src/core/view.ts";
import type { RoleReport } from "../../../src/core/report.ts";
import { FindingsWatch } from "../../../src/node/alarms/findings-watch.ts";
import type { Others } from "../../../src/node/alarms/others.ts";

type Source = Parameters<FindingsWatch["look"]>[0];

const NOBODY: Others = { troubled: [], running: new Set(["coordinator"]), contestedNames: [], tellOfAlarms: false };
const FAILING: RoleReport = { label: "coordinator", state: "failing", detail: "no room" };
const FULL: Complaint = { kind: "disk-full", subject: "", detail: "no room is left" };

describe("what a machine finds wrong", () => {
  const fresh = () => ({
    asked: 0,
    contents: 0,
    others: NOBODY,
    roles: [] as RoleReport[],
    complaints: [] as Complaint[],
    isolated: null as { seen: number; of: number } | null,
    overdueMs: null as number | null,
    forks: [] as object[],
    wasForked: false,
    written: [] as string[],
    nowMs: 1_000,
  });
  let nas = fresh();
  let nodes = nodesOf();
  let watch = new FindingsWatch();

  function nodesOf() {
    const node = { id: "nas-1", name: "nas-1", naming: "owned", state: "active", roles: new Set(["coordinator"]) };
    return new Map([["nas-1", node]]);
  }

  /** Of a member, whenever anything was written. */
  function viewOf() {
    return {
      meshName: "homelab",
      nodes,
      operators: [],
      tokens: [],
      holders: () => [],
      attributeOf: () => undefined,
      mark: { fold: watch, writes: nas.written.length },
      changedSince: ({ writes }: { writes: number }) => nas.written.slice(writes),
      forks: () => {
        nas.asked++;
        return nas.forks;
      },
    };
  }

  function look(): string[] {
    const { isolated, overdueMs } = nas;
    const view = viewOf();
    const source = {
      self: { id: "nas-1", key: "nas-1" },
      directory: { report: () => undefined },
      definitions: [{ name: "coordinator", missingEffect: "nobody can join" }],
      replica: {
        view: () => view,
        contents: nas.contents,
        wasForked: nas.wasForked,
        damaged: [],
        missing: 0,
        parked: { entries: 0, byAuthor: new Map() },
      },
      observation: () => ({ revision: 1, isolated, verdict: () => "alive" }),
      ownRoles: () => [...nas.roles],
      complaints: () => [...nas.complaints],
      exposures: () => (overdueMs === null ? [] : [{ path: "db", sinceMs: 0, deadlineMs: overdueMs, holders: [] }]),
      nowMs: () => nas.nowMs,
    };
    return watch.look(source as unknown as Source, nas.others).map(({ kind }) => kind);
  }

  beforeEach(() => {
    nas = fresh();
    nodes = nodesOf();
    watch = new FindingsWatch();
  });

  it("is found once while nothing changes", () => {
    expect([look(), look(), look()]).toEqual([[], [], []]);
    expect(nas.asked).toBe(1);
  });

  it("is looked for again with everything that it is made of", () => {
    look();
    nas.complaints = [FULL];
    expect(look()).toEqual(["disk-full"]);
    nas.roles = [FAILING];
    expect(look()).toEqual(["disk-full", "role-failing"]);
    nas.others = { ...NOBODY, running: new Set() };
    expect(look()).toEqual(["disk-full", "role-failing", "role-missing"]);
    nas.isolated = { seen: 1, of: 3 };
    expect(look()).toEqual(["isolated"]);
    [nas.isolated, nas.roles, nas.complaints, nas.others] = [null, [], [], NOBODY];
    expect(look()).toEqual([]);
    nas.forks = [{ log: "a".repeat(64), writer: "bob", of: "ledger", state: "frozen" }];
    nas.wasForked = true;
    expect(look()).toEqual(["log-forked"]);
    nas.forks = [];
    nas.contents++;
    expect(look()).toEqual([]);
    nas.forks = [{ log: "b".repeat(64), writer: "eve", of: "authority", state: "frozen" }];
    nodes = nodesOf();
    expect(look()).toEqual(["log-forked"]);
  });

  it("is not looked for again when operators write about machines that are well", () => {
    nas.others = { ...NOBODY, troubled: [{ id: "web-1", name: "web-1", naming: "owned" } as Node] };
    look();
    nas.written.push("server/db-1/label/web", "label/web");
    nas.contents++;
    look();
    expect(nas.asked).toBe(1);
    nas.written.push("server/web-1/attribute/alarm_after");
    look();
    expect(nas.asked).toBe(2);
    look();
    expect(nas.asked).toBe(2);
  });

  it("is overdue by time alone", () => {
    nas.overdueMs = 2_000;
    expect(look()).toEqual([]);
    nas.nowMs = 2_001;
    expect(look()).toEqual(["secret-exposed"]);
  });
});
