import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeClaims,
  type DeliveryClaim,
  encodeClaims,
  type IncidentClaim,
  NO_CLAIMS,
} from "../../../src/core/alarms/claims.ts";
import { decode, encode } from "../../../src/core/encoding.ts";
import type { Finding } from "../../../src/core/alarms/findings.ts";
import { alarmId, foldClaims } from "../../../src/core/alarms/incidents.ts";
import { type AlarmGround, type AlarmTask, alarmsOf, tasksOf, turnOf } from "../../../src/core/alarms/plan.ts";
import { TURN_MS } from "../../../src/core/turns.ts";
import { readAlarmRoute } from "../../../src/core/model/alarm-route.ts";

const hash = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const NOW_MS = 10_000_000;

const AWAY: Finding = {
  kind: "unreachable",
  about: "web-1",
  server: "web-1",
  detail: "web-1 cannot be reached",
  afterMs: 60_000,
};
const ID = alarmId(hash, AWAY);
const ISOLATED: Finding = { kind: "isolated", about: "homelab", server: null, detail: "sees 1 of 5", afterMs: 60_000 };

const MEMBERS = ["nas-1", "web-1", "db-1", "pi-1"].map((name) => ({
  id: `id-${name}`,
  name,
  state: "reachable" as const,
  programs: ["page-me"],
}));

function route(name: string, more: object = {}) {
  return readAlarmRoute(name, { command: { program: "page-me" }, ...more }, []);
}

function claim(more: Partial<IncidentClaim> = {}): IncidentClaim {
  const { afterMs: _, ...about } = AWAY;
  return { id: ID, ...about, sinceMs: NOW_MS - 100_000, untilMs: null, ...more };
}

function delivery(more: Partial<DeliveryClaim> = {}): DeliveryClaim {
  return { id: ID, route: "mail", told: "raised", sinceMs: NOW_MS - 100_000, atMs: NOW_MS - 30_000, ...more };
}

function records(incidents: IncidentClaim[], deliveries: DeliveryClaim[] = [], by = "nas-1") {
  return foldClaims([{ by, claims: { complaints: [], programs: [], incidents, deliveries } }]);
}

function ground(more: Partial<AlarmGround> = {}): AlarmGround {
  return {
    nowMs: NOW_MS,
    self: "id-nas-1",
    hash,
    findings: [{ ...AWAY, heldMs: 90_000 }],
    incidents: new Map(),
    members: MEMBERS,
    routes: [route("mail")],
    canRead: () => true,
    isInScope: () => true,
    ackOf: () => null,
    silenceOf: () => null,
    ...more,
  };
}

function told(tasks: readonly AlarmTask[]): string[] {
  return tasks.map((task) => (task.do === "deliver" ? `${task.told} by ${task.route.name}` : task.do));
}

describe("an alarm", () => {
  test("is raised when something has held long enough, and by one who is not the one that is gone", () => {
    const [task] = tasksOf(ground());
    expect(task).toMatchObject({ do: "open", claim: { id: ID, sinceMs: NOW_MS - 90_000 } });
    expect([...(task?.line ?? [])].sort()).toEqual(["id-db-1", "id-nas-1", "id-pi-1"]);
  });

  test("is none while a machine stops for ten seconds", () => {
    const calm = ground({ findings: [{ ...AWAY, heldMs: 10_000 }] });
    expect(alarmsOf(calm)).toEqual([]);
    expect(tasksOf(calm)).toEqual([]);
  });

  test("began at a whole millisecond, which records can say, whatever the clock measures in", () => {
    const [task] = tasksOf(ground({ findings: [{ ...AWAY, heldMs: 90_000.25 }] }));
    const sinceMs = task?.claim.sinceMs ?? 0;
    const said = decodeClaims(decode(encode(encodeClaims({ ...NO_CLAIMS, incidents: [claim({ sinceMs })] }) ?? null)));
    expect(said.incidents).toEqual([claim({ sinceMs: NOW_MS - 90_000 })]);
  });

  test("has to hold anew when it was over", () => {
    const incidents = records([claim({ untilMs: NOW_MS - 20_000 })]);
    expect(told(tasksOf(ground({ incidents })))).not.toContain("open");
    const later = records([claim({ untilMs: NOW_MS - 70_000 })]);
    const [task] = tasksOf(ground({ incidents: later }));
    expect(task).toMatchObject({ do: "open", claim: { sinceMs: NOW_MS - 69_999 } });
  });

  test("is told by each route once, and by no route again what another member told", () => {
    const routes = [route("mail"), route("pager")];
    expect(told(tasksOf(ground({ routes, incidents: records([claim()]) })))).toEqual([
      "raised by mail",
      "raised by pager",
    ]);
    const incidents = records([claim()], [delivery()]);
    expect(told(tasksOf(ground({ routes, incidents })))).toEqual(["raised by pager"]);
  });

  test("is told again for what happens again, and not for two sides of a cut that saw the same", () => {
    const twice = foldClaims([
      { by: "nas-1", claims: { complaints: [], programs: [], incidents: [claim()], deliveries: [delivery()] } },
      {
        by: "db-1",
        claims: {
          complaints: [],
          programs: [],
          incidents: [claim({ sinceMs: NOW_MS - 95_000 })],
          deliveries: [delivery({ sinceMs: NOW_MS - 95_000 })],
        },
      },
    ]);
    expect(tasksOf(ground({ incidents: twice }))).toEqual([]);
    const again = foldClaims([
      {
        by: "nas-1",
        claims: {
          complaints: [],
          programs: [],
          incidents: [claim({ untilMs: NOW_MS - 80_000 })],
          deliveries: [delivery(), delivery({ told: "resolved" })],
        },
      },
      {
        by: "db-1",
        claims: { complaints: [], programs: [], incidents: [claim({ sinceMs: NOW_MS - 70_000 })], deliveries: [] },
      },
    ]);
    expect(told(tasksOf(ground({ incidents: again })))).toEqual(["raised by mail"]);
  });

  test("is closed by whoever raised it, by others only when that one is gone, and then told as resolved, once", () => {
    const calm = { findings: [] };
    const [task] = tasksOf(ground({ ...calm, incidents: records([claim()], [delivery()]) }));
    expect(task).toMatchObject({ do: "close", line: ["id-nas-1"], claim: { untilMs: NOW_MS } });
    const members = MEMBERS.map((member) =>
      member.name === "nas-1" ? { ...member, state: "unreachable" as const } : member,
    );
    const [other] = tasksOf(ground({ ...calm, self: "id-db-1", members, incidents: records([claim()]) }));
    expect(other?.line).not.toContain("id-nas-1");
    const over = [claim({ untilMs: NOW_MS - 1000 })];
    expect(told(tasksOf(ground({ ...calm, incidents: records(over, [delivery()]) })))).toEqual(["resolved by mail"]);
    const both = [delivery(), delivery({ told: "resolved" })];
    expect(tasksOf(ground({ ...calm, incidents: records(over, both) }))).toEqual([]);
    expect(tasksOf(ground({ ...calm, incidents: records(over) }))).toEqual([]);
  });

  test("that somebody has seen is not told again; unseen it is, as often as the route says", () => {
    const incidents = records([claim()], [delivery()]);
    const routes = [route("mail", { repeatEverySeconds: 20 })];
    expect(told(tasksOf(ground({ routes, incidents })))).toEqual(["raised by mail"]);
    const ack = { by: "alice", atMs: NOW_MS, reason: "", sinceMs: NOW_MS - 100_000 };
    expect(tasksOf(ground({ routes, incidents, ackOf: () => ack }))).toEqual([]);
    expect(alarmsOf(ground({ incidents, ackOf: () => ack }))).toMatchObject([{ acknowledged: { by: "alice" } }]);
  });

  test("of a later incident is not the one that was seen", () => {
    const ack = { by: "alice", atMs: NOW_MS, reason: "", sinceMs: NOW_MS - 200_000 };
    const seen = ground({ incidents: records([claim()]), ackOf: () => ack });
    expect(alarmsOf(seen)).toMatchObject([{ acknowledged: null }]);
    expect(told(tasksOf(seen))).toEqual(["raised by mail"]);
  });

  test("that is silenced is shown and told nobody", () => {
    const silence = { id: "s", kind: null, selector: "web", terms: [], untilMs: NOW_MS + 1, by: "alice", reason: "" };
    const silent = ground({ incidents: records([claim()]), silenceOf: () => silence });
    expect(tasksOf(silent)).toEqual([]);
    expect(alarmsOf(silent)).toMatchObject([{ silenced: { by: "alice" } }]);
  });

  test("goes by the routes that are for it, from machines that can deliver", () => {
    const incidents = records([claim()]);
    const wanted = (more: object) => told(tasksOf(ground({ incidents, routes: [route("r", more)] })));
    expect(wanted({ kinds: ["isolated"] })).toEqual([]);
    expect(wanted({ kinds: ["unreachable"], severity: "critical" })).toEqual(["raised by r"]);
    expect(
      told(tasksOf(ground({ incidents, routes: [route("r", { about: { labels: ["db"] } })], isInScope: () => false }))),
    ).toEqual([]);
    const members = MEMBERS.map((member) => (member.name === "pi-1" ? member : { ...member, programs: [] }));
    expect(tasksOf(ground({ incidents, members }))).toMatchObject([{ line: ["id-pi-1"] }]);
    const signed = readAlarmRoute("w", { webhook: { url: "https://a.example", secret: "a/key" } }, []);
    const canRead = (member: string) => member === "id-db-1";
    expect(tasksOf(ground({ incidents, routes: [signed], canRead }))).toMatchObject([{ line: ["id-db-1"] }]);
  });
});

describe("whoever is isolated", () => {
  test("raises and tells that, and neither begins nor ends anything else", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (isOpen, isTold, hasOwn) => {
        const own = {
          ...claim(),
          id: alarmId(hash, ISOLATED),
          kind: ISOLATED.kind,
          about: ISOLATED.about,
          server: null,
        };
        const incidents = records(
          [claim({ untilMs: isOpen ? null : NOW_MS - 5000 }), ...(hasOwn ? [own] : [])],
          isTold ? [delivery()] : [],
        );
        const alone = ground({ findings: [{ ...ISOLATED, heldMs: 90_000 }], incidents });
        expect(alarmsOf(alone).map(({ kind }) => kind)).toEqual(["isolated"]);
        expect(tasksOf(alone).map(({ claim: { kind } }) => kind)).toEqual(["isolated"]);
      }),
    );
  });
});

describe("the members of one side", () => {
  test("agree who acts, in whatever order each of them knows the others", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(MEMBERS, { minLength: 4 }), fc.nat(2_000_000), (members, waitedMs) => {
        for (const base of [ground({ incidents: records([claim()]) }), ground()]) {
          const tasks = tasksOf({ ...base, members });
          expect(tasks).toEqual(tasksOf(base));
          for (const task of tasks) {
            expect(MEMBERS.filter(({ id }) => turnOf(task, id, waitedMs) !== null)).toHaveLength(1);
          }
        }
      }),
    );
  });

  test("take turns when the first of them does not act", () => {
    const [task] = tasksOf(ground()) as [AlarmTask];
    const acting = (dueMs: number) => MEMBERS.find(({ id }) => turnOf(task, id, dueMs) !== null)?.id;
    expect([0, TURN_MS, 2 * TURN_MS, 3 * TURN_MS].map(acting)).toEqual([...task.line, task.line[0]]);
  });

  test("give one whom they miss a moment to have been first", () => {
    const [{ line }] = tasksOf(ground()) as [AlarmTask];
    const members = MEMBERS.map((one) => (one.id === line[0] ? { ...one, state: "unreachable" as const } : one));
    const [missing] = tasksOf(ground({ self: line[1] ?? "", members }));
    expect(missing).toMatchObject({ line: line.slice(1), delayMs: 2000 });
  });
});
