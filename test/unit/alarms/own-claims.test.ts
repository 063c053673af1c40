import { describe, expect, test } from "vitest";
import { type IncidentClaim, MOST_INCIDENTS, NO_CLAIMS } from "../../../src/core/alarms/claims.ts";
import { foldClaims } from "../../../src/core/alarms/incidents.ts";
import { REMEMBERED_MS, tended, withDelivery, withIncident } from "../../../src/core/alarms/own-claims.ts";

const NOW_MS = 2 * REMEMBERED_MS;

function claim(more: Partial<IncidentClaim> = {}): IncidentClaim {
  const about = { kind: "unreachable", about: "web-1", server: "web-1", detail: "web-1 cannot be reached" } as const;
  return { id: "a1", ...about, sinceMs: 1000, untilMs: null, ...more };
}

function foldOf(...claims: readonly (readonly [by: string, ...incidents: IncidentClaim[]])[]) {
  return foldClaims(claims.map(([by, ...incidents]) => ({ by, claims: { ...NO_CLAIMS, incidents } })));
}

describe("what a node claims of alarms", () => {
  test("begins, ends and begins again, and what was told of the one is not told of the other", () => {
    const begun = withIncident(NO_CLAIMS, claim());
    const over = withIncident(begun, claim({ untilMs: 3000 }));
    expect(over.incidents).toEqual([claim({ untilMs: 3000 })]);
    const again = withIncident(over, claim({ sinceMs: 5000 }));
    const folded = foldOf(["nas-1", ...again.incidents]).get("a1");
    expect(folded).toMatchObject({ closedMs: 3000, open: { sinceMs: 5000 } });
    expect(withIncident(again, claim({ sinceMs: 5000, untilMs: 6000 })).incidents).toHaveLength(1);
  });

  test("has one last word for each route", () => {
    const told = { id: "a1", route: "mail", told: "raised", sinceMs: 1000, atMs: 2000 } as const;
    const twice = withDelivery(withDelivery(NO_CLAIMS, told), { ...told, atMs: 9000 });
    expect(withDelivery(twice, { ...told, told: "resolved" }).deliveries).toHaveLength(2);
    expect(twice.deliveries).toEqual([{ ...told, atMs: 9000 }]);
  });

  test("takes over what another closed while this one was away", () => {
    const own = { incidents: [claim()], deliveries: [] };
    const folded = foldOf(["nas-1", claim()], ["db-1", claim({ untilMs: 4000 })]);
    expect(tended(own, folded, 5000).incidents).toEqual([claim({ untilMs: 4000 })]);
  });

  test("is forgotten when it is long over, unless somebody's record still says that it goes on", () => {
    const own = { incidents: [claim({ untilMs: 4000 })], deliveries: [] };
    expect(tended(own, foldOf(["nas-1", claim({ untilMs: 4000 })]), 5000)).toBe(own);
    expect(tended(own, foldOf(["nas-1", claim({ untilMs: 4000 })]), NOW_MS).incidents).toEqual([]);
    const contradicted = foldOf(["nas-1", claim({ untilMs: 4000 })], ["gone", claim()]);
    expect(tended(own, contradicted, NOW_MS)).toBe(own);
  });

  test("keeps what goes on rather than what is over when there is too much of it", () => {
    const open = Array.from({ length: MOST_INCIDENTS }, (_, i) => claim({ id: `open-${i}`, sinceMs: NOW_MS - i }));
    const over = claim({ id: "over", sinceMs: NOW_MS - 1, untilMs: NOW_MS });
    const left = tended({ incidents: [over, ...open], deliveries: [] }, new Map(), NOW_MS).incidents;
    expect(left.map(({ id }) => id).sort()).toEqual(open.map(({ id }) => id).sort());
  });
});
