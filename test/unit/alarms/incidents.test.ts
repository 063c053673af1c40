import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AlarmClaims,
  decodeClaims,
  encodeClaims,
  type IncidentClaim,
  NO_CLAIMS,
} from "../../../src/core/alarms/claims.ts";
import { alarmId, foldClaims } from "../../../src/core/alarms/incidents.ts";
import { rendezvous } from "../../../src/core/rendezvous.ts";
import { TURN_MS, turnAt } from "../../../src/core/turns.ts";
import { decode, encode } from "../../../src/core/encoding.ts";

const hash = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

function claim(more: Partial<IncidentClaim>): IncidentClaim {
  const web = { kind: "unreachable", about: "web-1", server: "web-1", detail: "web-1 cannot be reached" } as const;
  return { id: "a1", ...web, sinceMs: 1000, untilMs: null, ...more };
}

function says(by: string, ...incidents: IncidentClaim[]) {
  return { by, claims: { ...NO_CLAIMS, incidents } };
}

describe("the id of an alarm", () => {
  test("is the same for every observer and every time, and another for another thing", () => {
    const away = alarmId(hash, { kind: "unreachable", about: "web-1" });
    expect(away).toMatch(/^[0-9a-f]{10}$/);
    expect(alarmId(hash, { kind: "unreachable", about: "web-1" })).toBe(away);
    expect(alarmId(hash, { kind: "unreachable", about: "web-2" })).not.toBe(away);
    expect(alarmId(hash, { kind: "name-contested", about: "web-1" })).not.toBe(away);
  });
});

describe("what the records of all members say together", () => {
  test("is open since the first of them saw it, and by that one", () => {
    const folded = foldClaims([says("nas-1", claim({ sinceMs: 2000 })), says("db-1", claim({ sinceMs: 1500 }))]);
    expect(folded.get("a1")?.open).toMatchObject({ sinceMs: 1500, raisedBy: "db-1" });
  });

  test("is over when one says so, also for whoever raised it and is gone", () => {
    const folded = foldClaims([says("nas-1", claim({})), says("db-1", claim({ untilMs: 3000 }))]);
    expect(folded.get("a1")).toMatchObject({ open: null, closedMs: 3000 });
  });

  test("begins anew when it happens again", () => {
    const folded = foldClaims([says("nas-1", claim({ untilMs: 3000 })), says("db-1", claim({ sinceMs: 3001 }))]);
    expect(folded.get("a1")?.open).toMatchObject({ sinceMs: 3001, raisedBy: "db-1" });
  });

  test("leaves out what a member says about its own absence", () => {
    const { size } = foldClaims([says("web-1", claim({ untilMs: Number.MAX_SAFE_INTEGER }))]);
    expect(size).toBe(0);
  });

  test("has no first and no last speaker", () => {
    fc.assert(
      fc.property(anyRecords(), fc.infiniteStream(fc.nat()), (records, chance) => {
        const left = [...records];
        const shuffled = records.map(
          () => left.splice((chance.next().value ?? 0) % left.length, 1)[0] as (typeof left)[0],
        );
        const order = (folded: ReturnType<typeof foldClaims>) => [...folded].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(order(foldClaims(shuffled))).toEqual(order(foldClaims(records)));
      }),
    );
  });

  test("survives the record that carries it, whatever another machine wrote into that", () => {
    fc.assert(
      fc.property(anyRecords(), (records) => {
        for (const { claims } of records) {
          expect(decodeClaims(decode(encode(encodeClaims(claims) ?? null)))).toEqual(claims);
        }
      }),
    );
    expect(
      decodeClaims({ incidents: [1, "x", null, { id: 7 }], deliveries: "many", programs: [new Uint8Array(3)] }),
    ).toEqual(NO_CLAIMS);
  });
});

describe("who acts", () => {
  const members = ["nas-1", "web-1", "db-1", "pi-1", "pi-2"];

  test("is decided by the thing alone, and nobody else moves up or down when one leaves", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...members), (key, gone) => {
        const line = rendezvous(hash, key, members);
        expect(rendezvous(hash, key, [...members].reverse())).toEqual(line);
        const left = members.filter((member) => member !== gone);
        expect(rendezvous(hash, key, left)).toEqual(line.filter((member) => member !== gone));
      }),
    );
  });

  test("is the first at once, then the next, and all of them again ever more slowly", () => {
    expect(turnAt(0, 3)).toEqual({ number: 0, place: 0, leftMs: TURN_MS });
    expect(turnAt(TURN_MS, 3)).toEqual({ number: 1, place: 1, leftMs: TURN_MS });
    expect(turnAt(3 * TURN_MS, 3)).toEqual({ number: 3, place: 0, leftMs: 2 * TURN_MS });
    expect(turnAt(24 * 3_600_000, 1).leftMs).toBeLessThanOrEqual(300_000);
  });

  test("is somebody at any time, and everybody in the end", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), (of) => {
        const places = new Set<number>();
        for (let waitedMs = 0; waitedMs < of * TURN_MS; waitedMs += 7000) places.add(turnAt(waitedMs, of).place);
        expect(places.size).toBe(of);
      }),
    );
  });
});

function anyRecords() {
  const at = fc.integer({ min: 1, max: 20 });
  const id = fc.constantFrom("a1", "b2");
  const incident = fc.record({ id, sinceMs: at, untilMs: fc.option(at), detail: fc.constantFrom("x", "y") }).map(claim);
  const told = fc.constantFrom("raised" as const, "resolved" as const);
  const delivery = fc.record({ id, route: fc.constantFrom("mail", "hook"), told, sinceMs: at, atMs: at });
  const claims: fc.Arbitrary<AlarmClaims> = fc.record({
    complaints: fc.constant([]),
    programs: fc.array(fc.constantFrom("page-me"), { maxLength: 2 }),
    incidents: fc.array(incident, { maxLength: 4 }),
    deliveries: fc.array(delivery, { maxLength: 4 }),
  });
  return fc.uniqueArray(fc.record({ by: fc.constantFrom("nas-1", "db-1", "pi-1"), claims }), {
    selector: ({ by }) => by,
  });
}
