import { describe, expect, it } from "vitest";
import type { Finding } from "../../../src/core/alarms/findings.ts";
import type { AlarmGround, AlarmTask } from "../../../src/core/alarms/plan.ts";
import type { Others } from "../../../src/node/alarms/others.ts";
import { isSameLook, isSettled, type Looked } from "../../../src/node/alarms/settled.ts";

const WEB_AWAY = { kind: "unreachable", about: "web-1", server: "web-1", detail: "web-1 cannot be reached" } as const;
const RAISED = { ...WEB_AWAY, id: "a1", sinceMs: 1_000, untilMs: null };
const OVER = { ...RAISED, untilMs: 9_000 };
const OTHERS: Others = { troubled: [], running: new Set(), contestedNames: [], tellOfAlarms: true };
const FINDINGS: readonly Finding[] = [{ ...WEB_AWAY, afterMs: 60_000 }];
const LOOKED: Looked = {
  findings: FINDINGS,
  others: OTHERS,
  own: { incidents: [RAISED], deliveries: [] },
  programs: [],
};

/** What nas-1 knows when web-1 has been away for long and that is raised. */
function groundOf(known: Partial<AlarmGround> = {}): AlarmGround {
  const findings = FINDINGS.map((finding) => ({ ...finding, heldMs: 600_000 }));
  const open = { ...RAISED, raisedBy: "nas-1" };
  const incident = { id: "a1", closedMs: 0, open, closed: null, contradicted: "no", deliveries: [] } as const;
  return { findings, incidents: new Map([["a1", incident]]), routes: [], ...known } as unknown as AlarmGround;
}

describe("an alarm that stands", () => {
  it("is settled when it is raised and told nobody", () => {
    expect(isSettled(groundOf(), [], LOOKED)).toBe(true);
  });

  it("is not while something that was found is not raised yet: that only needs time", () => {
    expect(isSettled(groundOf({ incidents: new Map() }), [], LOOKED)).toBe(false);
  });

  it("is not while somebody has something to do, or somebody is told of alarms", () => {
    expect(isSettled(groundOf(), [{ do: "close" } as unknown as AlarmTask], LOOKED)).toBe(false);
    const routes = [{ name: "mail" }] as unknown as AlarmGround["routes"];
    expect(isSettled(groundOf({ routes }), [], LOOKED)).toBe(false);
  });

  it("is not while nas-1 remembers what is over, or what it told: that is forgotten some day", () => {
    expect(isSettled(groundOf(), [], { ...LOOKED, own: { incidents: [RAISED, OVER], deliveries: [] } })).toBe(false);
    const told = { id: "a1", route: "mail", told: "raised", sinceMs: 1_000, atMs: 2_000 } as const;
    expect(isSettled(groundOf(), [], { ...LOOKED, own: { incidents: [RAISED], deliveries: [told] } })).toBe(false);
  });

  it("is looked at anew with everything that a look is made of", () => {
    expect(isSameLook(LOOKED, { ...LOOKED })).toBe(true);
    expect(isSameLook(LOOKED, { ...LOOKED, findings: [...FINDINGS] })).toBe(false);
    expect(isSameLook(LOOKED, { ...LOOKED, others: { ...OTHERS } })).toBe(false);
    expect(isSameLook(LOOKED, { ...LOOKED, own: { ...LOOKED.own } })).toBe(false);
    expect(isSameLook(LOOKED, { ...LOOKED, programs: ["mail"] })).toBe(false);
  });
});
