import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMPLAINT_KINDS, findingsOf, type MemberFacts, type MeshFacts } from "../../../src/core/alarms/findings.ts";
import { clockComplaint } from "../../../src/node/doctor/clock-watch.ts";
import { spaceComplaint } from "../../../src/node/platform/disk-space.ts";
import type { Verdict } from "../../../src/core/ports/verdict.ts";
import { Held } from "../../../src/core/alarms/held.ts";

const CALM: MeshFacts = {
  meshName: "homelab",
  members: [],
  isolated: null,
  missingRoles: [],
  contestedNames: [],
  forks: [],
  contestedTokens: [],
  overdueSecrets: [],
};

function member(name: string, more: Partial<MemberFacts> = {}): MemberFacts {
  return { name, verdict: "alive", alarmAfterMs: 60_000, complaints: [], ...more };
}

describe("what is wrong in a mesh", () => {
  test("is nothing, where everybody is there and nothing contradicts anything", () => {
    expect(findingsOf({ ...CALM, members: [member("nas-1"), member("web-1")] })).toEqual([]);
  });

  test("is a member that cannot be reached, for the time that its declaration allows", () => {
    const members = [member("web-1", { verdict: "unreachable", alarmAfterMs: 300_000 })];
    expect(findingsOf({ ...CALM, members })).toMatchObject([
      { kind: "unreachable", about: "web-1", server: "web-1", afterMs: 300_000 },
    ]);
  });

  test("is no laptop that sleeps, nobody who is only suspected, and nobody who said goodbye", () => {
    const members = [
      member("laptop", { verdict: "unreachable", alarmAfterMs: null }),
      member("web-1", { verdict: "suspect" }),
      member("web-2", { verdict: "left" }),
    ];
    expect(findingsOf({ ...CALM, members })).toEqual([]);
  });

  test("is told with what can be done, or with what does not work meanwhile", () => {
    const found = findingsOf({
      ...CALM,
      members: [member("nas-1", { complaints: [{ kind: "disk-full", subject: "", detail: "12 MB are left" }] })],
      missingRoles: [{ role: "coordinator", effect: "no machine can join" }],
      contestedNames: ["web-1"],
      forks: [{ log: "0123456789abcdef", writer: "alice", of: "desired" }],
      contestedTokens: [{ id: "tok-1", names: ["db-1", "db-2"] }],
    });
    expect(found.map(({ kind, about, detail }) => `${kind} ${about}: ${detail}`)).toEqual([
      "disk-full nas-1: nas-1: 12 MB are left",
      "log-forked 0123456789ab: the desired log 0123456789ab of alice has two histories and is frozen where they part",
      'name-contested web-1: the name "web-1" is contested: rename or revoke one of its machines',
      "role-missing coordinator: no machine that can be reached runs coordinator: no machine can join",
      "token-contested tok-1: two machines redeemed token tok-1 and are suspended (db-1, db-2): revoke the wrong one",
    ]);
  });

  test("is one thing for whoever is isolated: everybody else is left in peace", () => {
    fc.assert(
      fc.property(anyFacts(), fc.nat(5), (facts, seen) => {
        const found = findingsOf({ ...facts, isolated: { seen, of: 12 } });
        expect(found.map(({ kind, about }) => [kind, about])).toEqual([["isolated", "homelab"]]);
      }),
    );
  });

  test("is the same in whatever order the facts come, and each thing is told once", () => {
    fc.assert(
      fc.property(anyFacts(), fc.infiniteStream(fc.nat()), (facts, chance) => {
        const shuffled = Object.fromEntries(
          Object.entries(facts).map(([name, value]) => [name, Array.isArray(value) ? shuffle(value, chance) : value]),
        ) as unknown as MeshFacts;
        const found = findingsOf(facts);
        expect(findingsOf(shuffled)).toEqual(found);
        expect(new Set(found.map(({ kind, about }) => `${kind} ${about}`)).size).toBe(found.length);
      }),
    );
  });
});

describe("how long something holds", () => {
  test("counts from when it was first seen, and anew when it was gone meanwhile", () => {
    const held = new Held();
    held.update(["web-1 is away", "nas-1 is away"], 1000);
    held.update(["web-1 is away"], 5000);
    expect(held.forMs("web-1 is away", 9000)).toBe(8000);
    expect(held.forMs("nas-1 is away", 9000)).toBe(0);
    held.update(["web-1 is away", "nas-1 is away"], 9000);
    expect(held.forMs("nas-1 is away", 9500)).toBe(500);
  });
});

const word = fc.constantFrom("a", "b", "c", "web-1", "nas-1");

function anyFacts(): fc.Arbitrary<MeshFacts> {
  const complaint = fc.record({ kind: fc.constantFrom(...COMPLAINT_KINDS), subject: word, detail: word });
  const verdict = fc.constantFrom<Verdict>("unknown", "alive", "suspect", "unreachable", "alarm", "left");
  const alarmAfterMs = fc.option(fc.constantFrom(60_000, 300_000));
  const oneMember = fc.record({
    verdict,
    alarmAfterMs,
    complaints: fc.uniqueArray(complaint, { selector: bySubject }),
  });
  return fc.record({
    meshName: fc.constant("homelab"),
    members: fc
      .dictionary(word, oneMember)
      .map((members) => Object.entries(members).map(([name, rest]) => ({ name, ...rest }))),
    isolated: fc.constant(null),
    missingRoles: fc.array(fc.record({ role: word, effect: word })),
    contestedNames: fc.array(word),
    forks: fc.array(fc.record({ log: word, writer: word, of: word })),
    contestedTokens: fc.array(fc.record({ id: word, names: fc.array(word) })),
    overdueSecrets: fc.array(fc.record({ path: word, sinceMs: fc.nat(), holders: fc.array(word) })),
  });
}

function bySubject({ kind, subject }: { readonly kind: string; readonly subject: string }): string {
  return `${kind} ${subject}`;
}

function shuffle<T>(items: readonly T[], chance: fc.Stream<number>): T[] {
  const left = [...items];
  return items.map(() => left.splice((chance.next().value ?? 0) % left.length, 1)[0] as T);
}

describe("a machine's clock", () => {
  const others = (...aheadMs: readonly (number | null)[]) => aheadMs.map((ms, i) => ({ peer: `pi-${i}`, aheadMs: ms }));

  test("is off when the middle of at least two others says so", () => {
    expect(clockComplaint(others(60_000, 61_000, -5))?.detail).toContain("60 s behind the clocks of 3 others");
    expect(clockComplaint(others(-30_000, null, -30_000))?.detail).toContain("30 s ahead of");
  });

  test("is not called off by one that is wrong, by one alone, or by nobody", () => {
    expect(clockComplaint(others(0, 3000, 600_000))).toBeNull();
    expect(clockComplaint(others(600_000, null))).toBeNull();
    expect(clockComplaint(others(null, null))).toBeNull();
  });
});

describe("a disk", () => {
  test("is full when little is left of it, and less of a small one", () => {
    expect(spaceComplaint("/h", 99e6, 500e9)?.detail).toContain("99 MB of 500000 MB are left on the disk of /h");
    expect(spaceComplaint("/h", 101e6, 500e9)).toBeNull();
    expect(spaceComplaint("/h", 60e6, 1e9)).toBeNull();
    expect(spaceComplaint("/h", 40e6, 1e9)).not.toBeNull();
  });
});
