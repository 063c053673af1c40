import { describe, expect, it } from "vitest";
import { type Absence, alarmsOfIsolated, GRACE_MS, type Sighting, wrongSightings } from "../../chaos/verdicts.ts";

const ALARM_AFTER_MS = 10_000;

function absence(side: readonly string[], fromMs: number, toMs: number): Absence {
  return { side: new Set(side), fromMs, toMs, what: "a test" };
}

function said(by: string, about: string, atMs: number, kind: Sighting["kind"] = "gone"): Sighting {
  return { by, about, atMs, kind };
}

const wrong = (sighting: Sighting, ...absences: Absence[]) =>
  wrongSightings([sighting], absences, ALARM_AFTER_MS).map(({ detail }) => detail);

describe("a verdict that somebody is gone", () => {
  it("is wrong where nothing happened, before it happened, and long after", () => {
    expect(wrong(said("m1", "m2", 5_000))).toEqual(["m1 takes m2 for gone, which ran and could be reached"]);
    expect(wrong(said("m1", "m2", 5_000), absence(["m2"], 6_000, 9_000))).toHaveLength(1);
    expect(wrong(said("m1", "m2", 9_001 + GRACE_MS), absence(["m2"], 6_000, 9_000))).toHaveLength(1);
  });

  it("is right about whoever was away, and of whoever was", () => {
    const stopped = absence(["m2"], 6_000, 9_000);
    expect(wrong(said("m1", "m2", 7_000), stopped)).toEqual([]);
    expect(wrong(said("m2", "m1", 9_500), stopped)).toEqual([]);
    expect(wrong(said("m1", "m3", 7_000), stopped)).toHaveLength(1);
  });

  it("may come from the other side of a cut", () => {
    const cut = absence(["m2", "m3"], 6_000, 9_000);
    expect(wrong(said("m1", "m4", 9_500), cut)).toEqual([]);
    expect(wrong(said("m1", "m4", 10_000 + GRACE_MS), cut)).toHaveLength(1);
  });
});

describe("an alarm", () => {
  it("takes an absence of its length, between those two", () => {
    const cut = absence(["m2", "m3"], 0, 60_000);
    expect(wrong(said("m1", "m2", 20_000, "alarm"), cut)).toEqual([]);
    expect(wrong(said("m1", "m2", 9_000, "alarm"), cut)).toHaveLength(1);
    expect(wrong(said("m1", "m4", 20_000, "alarm"), cut)).toHaveLength(1);
    expect(wrong(said("m1", "m2", 20_000, "alarm"), absence(["m2"], 10_000, 15_000))).toHaveLength(1);
  });

  it("is nothing for whoever is cut off itself", () => {
    const cut = absence(["m2", "m3"], 0, 60_000);
    const isolated = (sighting: Sighting, strays = 0) => alarmsOfIsolated([sighting], [cut], { members: 5, strays });
    expect(isolated(said("m2", "m1", 30_000, "alarm"))).toHaveLength(1);
    expect(isolated(said("m1", "m2", 30_000, "alarm"))).toEqual([]);
    expect(isolated(said("m2", "m1", 30_000))).toEqual([]);
    // With a member that speaks on both sides two of five are three of six.
    expect(isolated(said("m2", "m1", 30_000, "alarm"), 1)).toEqual([]);
  });
});
