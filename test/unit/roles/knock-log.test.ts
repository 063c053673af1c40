import { beforeEach, describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { CollectingLog } from "../../../sim/log.ts";
import type { AuditRecord } from "../../../src/core/ports/role.ts";
import { KnockLog } from "../../../src/roles/coordinator/knock-log.ts";

const HOUR_MS = 3_600_000;

describe("what a coordinator writes down of strangers who knock", () => {
  let clock: SimClock;
  let records: AuditRecord[];
  let knocks: KnockLog;

  beforeEach(() => {
    clock = new SimClock();
    records = [];
    const audit = async (record: AuditRecord) => void records.push(record);
    knocks = new KnockLog({ clock, log: new CollectingLog(), audit });
  });

  const knock = (kind: string, actor: string) =>
    knocks.note(kind, {
      actor,
      action: "token.redeem",
      object: "token:1",
      decision: "denied",
      reason: "no such token",
    });

  const words = () => records.map(({ actor, reason }) => `${actor}: ${reason}`);

  it("is the first eight with one kind of token, and how many came after them in that hour, whoever they were", async () => {
    for (let i = 0; i < 1000; i++) await knock("no token", `stranger:${i}`);
    expect(records).toHaveLength(8);
    await clock.runUntil(HOUR_MS);
    expect(words().slice(8)).toEqual(["stranger:999: no such token; 992 more like it"]);
    expect(records[8]?.facts).toEqual({ times: 992, sinceMs: expect.any(Number) as number });
  });

  it("is told of a token that there is, however many knock with one that there is not", async () => {
    for (let i = 0; i < 1000; i++) await knock("no token", "stranger:1");
    await knock("refused 1", "stranger:2");
    expect(words().at(-1)).toBe("stranger:2: no such token");
  });

  it("is told anew in the next hour, and counts are told when the coordinator stops", async () => {
    for (let i = 0; i < 9; i++) await knock("no token", "stranger:1");
    await clock.runUntil(HOUR_MS);
    for (let i = 0; i < 10; i++) await knock("no token", "stranger:2");
    expect(words().slice(9)).toEqual(Array(8).fill("stranger:2: no such token"));
    await knocks.stop();
    expect(words().at(-1)).toBe("stranger:2: no such token; 2 more like it");
    expect(clock.pending).toBe(0);
  });
});
