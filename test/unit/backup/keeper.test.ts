import { beforeEach, describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { type BackupDuty, BackupKeeper } from "../../../src/node/backup/backup-keeper.ts";

const [MINUTE_MS, HOUR_MS] = [60_000, 3_600_000];

let clock: SimClock;
/** When backups were made, in virtual hours, whoever made them. */
let made: number[];
let fails: string | null;

beforeEach(() => {
  [clock, made, fails] = [new SimClock(), [], null];
});

const hours = () => clock.monotonic() / HOUR_MS;
const pass = (ms: number) => clock.runUntil(clock.monotonic() + ms);

function keeper(turn: number, more: Partial<BackupDuty> = {}): BackupKeeper {
  const beganMs = clock.now() - clock.monotonic();
  const duty: BackupDuty = {
    clock,
    log: { write: () => undefined },
    place: "dir:/mnt/usb",
    everyMs: 24 * HOUR_MS,
    newestMs: async () => (made.length === 0 ? null : beganMs + (made.at(-1) as number) * HOUR_MS),
    turn: () => turn,
    make: async () => {
      if (fails !== null) throw new Error(fails);
      made.push(hours());
      return null;
    },
    ...more,
  };
  const one = new BackupKeeper(duty);
  one.start();
  return one;
}

describe("a machine that makes backups by itself", () => {
  it("makes the first one soon, and then one whenever the last is old enough", async () => {
    keeper(0);
    await pass(3 * 24 * HOUR_MS - HOUR_MS);
    expect(made.map(Math.floor)).toEqual([0, 24, 48]);
  });

  it("leaves it to whoever comes before it in line, and steps in when that one makes none", async () => {
    made.push(0);
    const first = keeper(0);
    keeper(1);
    await pass(25 * HOUR_MS);
    expect(made).toHaveLength(2);
    await first.stop();
    await pass(25 * HOUR_MS);
    expect(made).toHaveLength(3);
    expect((made[2] as number) - (made[1] as number)).toBeGreaterThan(24.2);
  });

  it("complains while it cannot, tries again ten minutes later, and is silent when it could", async () => {
    made.push(-30);
    fails = "the disk is not there";
    const one = keeper(0);
    await pass(MINUTE_MS);
    expect(one.complaint).toMatchObject({ kind: "backup-failing", subject: "dir:/mnt/usb" });
    expect(one.complaint?.detail).toMatch(
      /no backup can be made to dir:\/mnt\/usb, and the last one is of .*: the disk is not there/,
    );
    fails = null;
    await pass(5 * MINUTE_MS);
    expect(made).toHaveLength(1);
    await pass(6 * MINUTE_MS);
    expect([made.length, one.complaint]).toEqual([2, null]);
  });

  it("is silent again when somebody else could", async () => {
    made.push(-30);
    fails = "no route";
    const one = keeper(0);
    await pass(MINUTE_MS);
    made.push(hours());
    await pass(20 * MINUTE_MS);
    expect(one.complaint).toBeNull();
  });

  it("goes on complaining of a backup that lacks something, until the next one", async () => {
    const one = keeper(0, { make: async () => (made.push(hours()), "only 0 of 2 secrets are in it") });
    await pass(10 * HOUR_MS);
    expect([made.length, one.complaint?.detail]).toEqual([1, "only 0 of 2 secrets are in it"]);
  });

  it("is not kept from it by a backup of the future", async () => {
    made.push(1000);
    keeper(0, { turn: () => 0 });
    await pass(MINUTE_MS);
    expect(made.length).toBeGreaterThan(1);
  });

  it("begins none after it was stopped", async () => {
    const one = keeper(0);
    await one.stop();
    await pass(HOUR_MS);
    expect(made).toEqual([]);
  });
});
