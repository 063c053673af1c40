import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../../sim/random.ts";
import { ALARM_AFTER_MS } from "../../../../src/core/ports/verdict.ts";
import { Detector } from "../../../../src/mesh/detector/detector.ts";
import type { DetectorEffect } from "../../../../src/mesh/detector/event.ts";
import type { ErrandOutcome } from "../../../../src/mesh/detector/message.ts";
import type { Word } from "../../../../src/mesh/detector/word.ts";
import { keyOf, voiceOf, Ward } from "./ward.ts";

const PI = keyOf("pi-1");
const OTHERS = ["nas-2", "nas-3", "web-1", "web-2", "db-1"].map(keyOf);
/** `pi-1` has defended itself at this time. */
const DEFENDED_MS = 2_000;

/** Is connected to all but pi-1, which has just defended itself and which it has never been connected to. */
class Nas {
  readonly #detector: Detector;
  #incarnation = 7;
  #nowMs = 100;

  constructor() {
    const self = keyOf("nas-1");
    this.#detector = new Detector({
      ...{ self, random: seededRandom("nas-1"), voice: voiceOf(self), incarnation: 1, nowMs: 0 },
      alarmAfterMs: () => ALARM_AFTER_MS,
    });
    this.#detector.step({ event: "members", keys: [PI, ...OTHERS] }, 0);
    for (const peer of OTHERS) this.#detector.step({ event: "opened", peer }, 100);
    this.#hears("alive", 200);
    this.defends(DEFENDED_MS);
  }

  defends(nowMs: number): void {
    this.#hears("silent", nowMs);
    this.#incarnation++;
    this.#hears("alive", nowMs);
  }

  get verdict(): string | undefined {
    return this.#detector.verdictOf(PI)?.verdict;
  }

  /** Whom it asks about pi-1. */
  dialFails(nowMs: number): string[] {
    this.passes(nowMs);
    return askedIn(this.#detector.step({ event: "dial-failed", peer: PI, tookMs: 10 }, nowMs));
  }

  isTold(by: string, outcome: ErrandOutcome | null, nowMs: number): void {
    this.passes(nowMs);
    const answer = outcome === null ? null : { outcome, words: [] };
    this.#detector.step({ event: "errand-done", about: PI, by, answer }, nowMs);
  }

  /** Meanwhile all others are heard. */
  passes(untilMs: number): void {
    for (; this.#nowMs < untilMs; this.#nowMs += 10) {
      for (const peer of OTHERS) this.#detector.step({ event: "heard", peer }, this.#nowMs);
      this.#detector.step({ event: "woke" }, this.#nowMs);
    }
  }

  #hears(status: "alive" | "silent", nowMs: number): void {
    this.passes(nowMs);
    const signature = voiceOf(PI).sign("alive", this.#incarnation);
    const accusers = status === "silent" ? [keyOf("web-1")] : [];
    const word: Word = { member: PI, incarnation: this.#incarnation, status, accusers, signature };
    this.#detector.step({ event: "broadcast", words: [word], from: keyOf("web-1") }, nowMs);
  }
}

function askedIn(effects: readonly DetectorEffect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.effect !== "errand") return [];
    expect(effect).toMatchObject({ about: PI, mayDial: false });
    return [effect.by];
  });
}

describe("a member that has defended itself a moment ago and cannot be dialled", () => {
  it("is asked for at three others, and not doubted while one of them hears it", () => {
    const nas = new Nas();
    const asked = nas.dialFails(3_000);
    expect(asked).toHaveLength(3);
    nas.isTold(asked[0]!, "not-connected", 3_010);
    nas.isTold(asked[1]!, "answers", 3_020);
    nas.isTold(asked[2]!, "silent", 3_030);
    nas.passes(4_100);
    expect(nas.verdict).toBe("alive");
  });

  it("is doubted as soon as all three say that they do not hear it", () => {
    const nas = new Nas();
    const [first, ...rest] = nas.dialFails(3_000);
    for (const by of rest) nas.isTold(by, "not-connected", 3_010);
    expect(nas.verdict).toBe("alive");
    nas.isTold(first!, "silent", 3_020);
    expect(nas.verdict).toBe("suspect");
  });

  it("is doubted after a second if somebody does not hear it and the others do not answer", () => {
    const nas = new Nas();
    const [first] = nas.dialFails(3_000);
    nas.isTold(first!, "not-connected", 3_010);
    nas.passes(4_000);
    expect(nas.verdict).toBe("alive");
    nas.passes(4_010);
    expect(nas.verdict).toBe("suspect");
  });

  it("is not doubted by whoever gets no answer from anybody: perhaps it is the one that is deaf", () => {
    const nas = new Nas();
    for (const by of nas.dialFails(3_000)) nas.isTold(by, null, 3_500);
    expect(nas.verdict).toBe("alive");
  });

  it("is vouched for by each of the others once, until it defends itself again", () => {
    const nas = new Nas();
    const [liar, ...honest] = nas.dialFails(3_000);
    for (const by of honest) nas.isTold(by, "not-connected", 3_010);
    nas.isTold(liar!, "answers", 3_020);
    expect(nas.verdict).toBe("alive");
    const again = nas.dialFails(5_000);
    expect(again).toHaveLength(3);
    expect(again).not.toContain(liar);
    expect(again).toEqual(expect.arrayContaining(honest));
    for (const by of again) nas.isTold(by, "not-connected", 5_010);
    expect(nas.verdict).toBe("suspect");
    nas.defends(5_100);
    expect(nas.dialFails(6_000)).toContain(liar);
  });

  it("is doubted when all have vouched for it and it still cannot be dialled: it may say so itself", () => {
    const nas = new Nas();
    let asked = nas.dialFails(3_000);
    expect(nas.dialFails(3_005)).toEqual([]);
    for (let nowMs = 3_010; asked.length > 0; nowMs += 100) {
      for (const by of asked) nas.isTold(by, "answers", nowMs);
      expect(nas.verdict).toBe("alive");
      asked = nas.dialFails(nowMs + 10);
    }
    expect(nas.verdict).toBe("suspect");
  });

  it("is doubted without a question when its defence is a minute old", () => {
    const nas = new Nas();
    expect(nas.dialFails(DEFENDED_MS + 60_000)).toEqual([]);
    expect(nas.verdict).toBe("suspect");
  });

  it("is asked for at those who are the nearest to it on the ring, who are connected to it if anybody is", () => {
    const asked = new Nas().dialFails(3_000);
    const ring = [PI, ...OTHERS].sort();
    const at = ring.indexOf(PI);
    const near = [ring[(at + 1) % ring.length], ring[(at + ring.length - 1) % ring.length]];
    expect(near.filter((peer) => asked.includes(peer!)).length).toBeGreaterThanOrEqual(1);
  });
});

describe("a member that dies within the minute after a defence, while nobody is connected to it", () => {
  const NAMES = Array.from({ length: 12 }, (_, i) => `nas-${i + 1}`);

  it("is known to be gone as soon as one dial to it has failed, and its neighbours do not hear it", async () => {
    const ward = new Ward(NAMES);
    await ward.until(() => ward.all.every(({ name }) => ward.everybodySays(name, "alive")), 5_000);
    const pi = ward.named("nas-7");
    const own = pi.detector.messageFor(keyOf("unknown"), 0).words[0]!;
    const words = [{ ...own, status: "silent" as const, accusers: [keyOf("nas-1")] }];
    for (const patient of ward.all) ward.step(patient, { event: "broadcast", words, from: keyOf("nas-1") });
    await ward.until(() => ward.everybodySays("nas-7", "alive"), 3_000);
    ward.part("nas-7");
    ward.kill("nas-7");
    await ward.pass(5_000);
    // Nobody has looked.
    expect(ward.everybodySays("nas-7", "alive")).toBe(true);
    ward.step(ward.named("nas-6"), { event: "dial-failed", peer: pi.key, tookMs: 10 });
    expect(await ward.until(() => ward.everybodySays("nas-7", "unreachable"), 13_000)).toBeLessThan(5_000);
  });
});
