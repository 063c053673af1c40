import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../../sim/random.ts";
import { ALARM_AFTER_MS } from "../../../../src/core/ports/verdict.ts";
import { Detector } from "../../../../src/mesh/detector/detector.ts";
import { Suspicion } from "../../../../src/mesh/detector/suspicion.ts";
import type { Word } from "../../../../src/mesh/detector/word.ts";
import { keyOf, voiceOf, Ward } from "./ward.ts";

const NAMES = Array.from({ length: 20 }, (_, i) => `nas-${i + 1}`);

async function calmWard(names: readonly string[] = NAMES, options = {}): Promise<Ward> {
  const ward = new Ward(names, options);
  await ward.until(() => ward.all.every(({ name }) => ward.everybodySays(name, "alive")), 5_000);
  await ward.pass(30_000);
  ward.changes.length = 0;
  return ward;
}

describe("a quiet fleet", () => {
  it("asks less than once per member and second, and changes no verdict", async () => {
    const ward = await calmWard();
    const before = ward.all.map(({ probes, broadcasts }) => ({ probes, broadcasts }));
    await ward.pass(600_000);
    expect(ward.changes).toEqual([]);
    for (const [i, { probes, broadcasts }] of ward.all.entries()) {
      const perSecond = (probes - before[i]!.probes) / 600;
      expect(perSecond).toBeGreaterThan(0.3);
      expect(perSecond).toBeLessThan(1.1);
      expect(broadcasts).toBe(before[i]!.broadcasts);
    }
  });
});

describe("a member that has only been connected", () => {
  const detector = () => {
    const self = keyOf("nas-1");
    const made = new Detector({
      ...{ self, random: seededRandom("joins"), voice: voiceOf(self), incarnation: 1, nowMs: 0 },
      alarmAfterMs: () => ALARM_AFTER_MS,
    });
    made.step({ event: "opened", peer: keyOf("web-1") }, 1_000);
    made.step({ event: "members", keys: [keyOf("web-1")] }, 1_100);
    return made;
  };

  it("is one that was never heard of when it is no more and has no address: it joined, and runs no agent", () => {
    const nas = detector();
    nas.step({ event: "no-address", peers: [keyOf("web-1")] }, 1_150);
    expect(nas.verdictOf(keyOf("web-1"))?.verdict).toBe("alive");
    nas.step({ event: "closed", peer: keyOf("web-1"), by: "them" }, 1_200);
    nas.step({ event: "no-address", peers: [keyOf("web-1")] }, 1_300);
    expect(nas.verdictOf(keyOf("web-1"))?.verdict).toBe("unknown");
    expect(nas.seen).toEqual({ seen: 1, of: 2 });
  });

  it("stays alive when it is no more, if it has said so itself", () => {
    const nas = detector();
    const signature = voiceOf(keyOf("web-1")).sign("alive", 7);
    const word: Word = { member: keyOf("web-1"), incarnation: 7, status: "alive", accusers: [], signature };
    nas.step({ event: "broadcast", from: keyOf("pi-1"), words: [word] }, 1_150);
    nas.step({ event: "closed", peer: keyOf("web-1"), by: "them" }, 1_200);
    nas.step({ event: "no-address", peers: [keyOf("web-1")] }, 1_300);
    expect(nas.verdictOf(keyOf("web-1"))?.verdict).toBe("alive");
  });
});

describe("a member that falls silent", () => {
  it("is a suspect first, and unreachable for everybody within seconds", async () => {
    const ward = await calmWard();
    ward.stop("nas-7");
    const suspectMs = await ward.until(
      () => ward.all.some(({ name }) => ward.verdict(name, "nas-7") === "suspect"),
      5_000,
    );
    expect(suspectMs).toBeGreaterThan(900);
    const allMs = await ward.until(() => ward.everybodySays("nas-7", "unreachable"), 8_000);
    expect(suspectMs + allMs).toBeLessThan(6_500);
    expect(ward.changes.filter(({ about, verdict }) => about !== "nas-7" && verdict !== "alive")).toEqual([]);
  });

  it("is found out even when no gossip arrives", async () => {
    const ward = await calmWard();
    ward.gossip = "lost";
    ward.stop("nas-7");
    await ward.until(() => ward.everybodySays("nas-7", "unreachable"), 40_000);
    expect(ward.changes.filter(({ about, verdict }) => about !== "nas-7" && verdict !== "alive")).toEqual([]);
  });

  it("that only one member cannot reach stays alive for all", async () => {
    const ward = await calmWard();
    ward.cut(["nas-1"], ["nas-2"]);
    await ward.pass(120_000);
    expect(ward.changes.filter(({ verdict }) => verdict === "unreachable")).toEqual([]);
  });
});

describe("a suspicion", () => {
  const dueAfter = (accusers: readonly string[], others: number) => {
    const suspicion = new Suspicion(0, others);
    for (const accuser of accusers) suspicion.add(accuser, "silent");
    return suspicion.dueMs;
  };

  it("lasts twelve seconds when one observer alone has it, and three when two confirm it", () => {
    expect(["a", "ab", "abc"].map((accusers) => dueAfter([...accusers], 19))).toEqual([12_000, 6322, 3000]);
    expect(dueAfter(["a", "a", "a", "a"], 19)).toBe(12_000);
    expect(dueAfter(["a"], 2)).toBe(3_000);
  });

  it("is proven by two who were refused", () => {
    const suspicion = new Suspicion(0, 19);
    for (const accuser of ["a", "b", "c"]) suspicion.add(accuser, "silent");
    suspicion.add("a", "refused");
    suspicion.add("a", "refused");
    expect(suspicion.isProven(2)).toBe(false);
    suspicion.add("d", "refused");
    expect(suspicion.isProven(2)).toBe(true);
    expect(suspicion.accusers).toEqual(["a", "d"]);
  });
});

describe("a process that is killed", () => {
  it("is unreachable for everybody within a second", async () => {
    const ward = await calmWard();
    ward.kill("nas-7");
    expect(await ward.until(() => ward.everybodySays("nas-7", "unreachable"), 2_000)).toBeLessThanOrEqual(1_000);
  });

  it("is alive again as soon as it runs, also when its clock went back", async () => {
    const ward = await calmWard();
    ward.kill("nas-7");
    await ward.pass(20_000);
    ward.restart("nas-7", 1_000_000, "nas-8", "nas-9");
    expect(await ward.until(() => ward.everybodySays("nas-7", "alive"), 3_000)).toBeLessThanOrEqual(1_000);
    await ward.pass(30_000);
    expect(ward.everybodySays("nas-7", "alive")).toBe(true);
  });

  it("is one of two: the other one needs no confirmation", async () => {
    const ward = await calmWard(["nas-1", "web-1"]);
    ward.kill("web-1");
    expect(await ward.until(() => ward.verdict("nas-1", "web-1") === "unreachable", 2_000)).toBeLessThanOrEqual(1_000);
  });
});

describe("a process that stands still for ten seconds", () => {
  it("comes back without an alarm, and accuses nobody itself", async () => {
    const ward = await calmWard();
    ward.stop("nas-7");
    await ward.pass(10_000);
    await ward.resume("nas-7");
    expect(await ward.until(() => ward.everybodySays("nas-7", "alive"), 5_000)).toBeLessThanOrEqual(1_000);
    await ward.pass(120_000);
    expect(ward.changes.filter(({ verdict }) => verdict === "alarm")).toEqual([]);
    expect(ward.changes.filter(({ by, verdict }) => by === "nas-7" && verdict !== "alive")).toEqual([]);
    expect(ward.everybodySays("nas-7", "alive")).toBe(true);
  });

  it("for half a minute neither", async () => {
    const ward = await calmWard();
    ward.stop("nas-7");
    await ward.pass(30_000);
    await ward.resume("nas-7");
    ward.connect(ward.named("nas-7"), ward.named("nas-8"));
    await ward.until(() => ward.everybodySays("nas-7", "alive"), 5_000);
    expect(ward.changes.filter(({ by, verdict }) => by === "nas-7" && verdict === "unreachable")).toEqual([]);
  });
});

describe("an alarm", () => {
  it("is what has been away for its window without a break", async () => {
    const windows = new Map([
      [keyOf("nas-7"), 20_000],
      [keyOf("nas-8"), null],
    ]);
    const alarmAfterMs = (member: string) => windows.get(member) ?? (windows.has(member) ? null : 60_000);
    const ward = await calmWard(NAMES, { alarmAfterMs });
    for (const name of ["nas-7", "nas-8", "nas-9"]) ward.kill(name);
    const others = () => ward.all.filter(({ state }) => state === "running").map(({ name }) => name);
    const all = (about: string, verdict: string) => others().every((by) => ward.verdict(by, about) === verdict);
    await ward.pass(19_000);
    expect(ward.changes.filter(({ verdict }) => verdict === "alarm")).toEqual([]);
    await ward.pass(3_000);
    expect(all("nas-7", "alarm")).toBe(true);
    await ward.pass(40_000);
    expect(all("nas-9", "alarm")).toBe(true);
    await ward.pass(3_600_000);
    expect(all("nas-8", "unreachable")).toBe(true);
    expect(ward.changes.filter(({ about, verdict }) => verdict === "alarm" && about === "nas-9").length).toBe(17);
  });

  it("is not raised by whoever is cut off itself, and by the others once", async () => {
    const ward = await calmWard();
    const [lone, ...rest] = NAMES;
    ward.cut([lone!], rest);
    await ward.until(() => ward.named(lone!).detector.sight.state === "isolated", 20_000);
    await ward.pass(600_000);
    expect(ward.changes.filter(({ by, verdict }) => by === lone && verdict === "alarm")).toEqual([]);
    expect(rest.every((by) => ward.verdict(by, lone!) === "alarm")).toBe(true);
    expect(ward.named("nas-2").detector.sight.state).toBe("seeing");

    ward.heal();
    ward.connect(ward.named(lone!), ward.named("nas-5"));
    expect(
      await ward.until(() => ward.all.every(({ name }) => ward.everybodySays(name, "alive")), 10_000),
    ).toBeLessThan(5_000);
    expect(ward.named(lone!).detector.sight.state).toBe("seeing");
  });

  it("is taken back by whoever finds out later that it is the isolated one", async () => {
    const ward = await calmWard(["nas-1", "nas-2", "nas-3", "nas-4"]);
    ward.kill("nas-4");
    await ward.pass(70_000);
    expect(ward.verdict("nas-1", "nas-4")).toBe("alarm");
    ward.cut(["nas-1"], ["nas-2", "nas-3"]);
    await ward.pass(30_000);
    expect(ward.named("nas-1").detector.sight.state).toBe("isolated");
    expect(ward.verdict("nas-1", "nas-4")).toBe("unreachable");
    expect(ward.verdict("nas-2", "nas-4")).toBe("alarm");
  });
});

describe("a node that has no connection left", () => {
  /** Knows web-1, whom it was connected to, and db-1, by their own words; the connection has ended. */
  function alone(connection: "stays" | "hangs-up"): Detector {
    const self = keyOf("nas-1");
    const [web, db] = [keyOf("web-1"), keyOf("db-1")];
    const nas = new Detector({
      ...{ self, random: seededRandom("alone"), voice: voiceOf(self), incarnation: 1, nowMs: 0 },
      alarmAfterMs: () => ALARM_AFTER_MS,
    });
    const words = [web, db].map((member): Word => {
      return { member, incarnation: 7, status: "alive", accusers: [], signature: voiceOf(member).sign("alive", 7) };
    });
    const message = { digest: new Uint8Array(8), words, connection } as const;
    nas.step({ event: "members", keys: [web, db] }, 0);
    nas.step({ event: "opened", peer: web }, 1_000);
    const [asked] = nas.step({ event: "woke" }, 1_200).filter(({ effect }) => effect === "probe");
    nas.step({ event: "answered", peer: web, probe: (asked as { probe: number }).probe, message }, 1_210);
    nas.step({ event: "probed", peer: web, message }, 1_220);
    nas.step({ event: "closed", peer: web, by: "them" }, 1_230);
    return nas;
  }

  /** Whatever it wants to tell everybody meanwhile. */
  function told(nas: Detector, fromMs: number, toMs: number): Word[] {
    const words: Word[] = [];
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += 50) {
      for (const effect of nas.step({ event: "woke" }, nowMs)) {
        if (effect.effect === "broadcast") words.push(...effect.words);
      }
    }
    return words;
  }

  const verdicts = (nas: Detector) => ["web-1", "db-1"].map((name) => nas.verdictOf(keyOf(name))?.verdict);

  it("doubts everybody, and nobody any more as soon as somebody is there: it tells others nothing of it", () => {
    const nas = alone("stays");
    const before = told(nas, 1_250, 3_500);
    expect(verdicts(nas)).toEqual(["suspect", "suspect"]);
    nas.step({ event: "opened", peer: keyOf("web-1") }, 3_550);
    expect(verdicts(nas)).toEqual(["alive", "alive"]);
    const after = told(nas, 3_600, 4_400);
    expect(nas.verdictOf(keyOf("db-1"))?.verdict).toBe("alive");
    expect([...before, ...after].filter(({ member }) => member === keyOf("db-1"))).toEqual([]);
  });

  it("takes them for unreachable when nobody comes, and does not say so when somebody does", () => {
    const nas = alone("stays");
    told(nas, 1_250, 6_500);
    expect(verdicts(nas)).toEqual(["unreachable", "unreachable"]);
    const effects = nas.step({ event: "opened", peer: keyOf("web-1") }, 6_550).map(({ effect }) => effect);
    expect(effects).not.toContain("broadcast");
    expect(told(nas, 6_600, 7_400).filter(({ member }) => member === keyOf("db-1"))).toEqual([]);
  });

  it("doubts nobody if it was turned away by one who has enough others, and knows that it sees nothing", () => {
    const nas = alone("hangs-up");
    told(nas, 1_250, 20_000);
    expect(verdicts(nas)).toEqual(["alive", "alive"]);
    expect(nas.sight.state).toBe("isolated");
  });
});

describe("a cut in two halves", () => {
  it("leaves either half with the other one unreachable, and whole again after it", async () => {
    const ward = await calmWard();
    const [left, right] = [NAMES.slice(0, 10), NAMES.slice(10)];
    ward.cut(left, right);
    await ward.pass(30_000);
    // Of the other side, whom this side was connected to; the plan of connections dials the rest.
    expect(ward.verdict("nas-1", "nas-20")).toBe("unreachable");
    expect(left.every((by) => left.every((about) => by === about || ward.verdict(by, about) === "alive"))).toBe(true);
    const wrong = ward.changes.length;
    ward.heal();
    ward.connect(ward.named("nas-1"), ward.named("nas-11"));
    await ward.until(() => ward.all.every(({ name }) => ward.everybodySays(name, "alive")), 5_000);
    expect(ward.changes.slice(wrong).filter(({ verdict }) => verdict === "unreachable")).toEqual([]);
  });
});

describe("a member that says goodbye", () => {
  it("has left, and is neither unreachable nor ever an alarm", async () => {
    const ward = await calmWard();
    ward.step(ward.named("nas-7"), { event: "goodbye" });
    await ward.pass(100);
    ward.kill("nas-7");
    await ward.pass(600_000);
    expect(ward.everybodySays("nas-7", "left")).toBe(true);
    expect(ward.changes.filter(({ verdict }) => verdict === "unreachable" || verdict === "alarm")).toEqual([]);
    ward.restart("nas-7", 1_900_000_000_000, "nas-8");
    await ward.until(() => ward.everybodySays("nas-7", "alive"), 3_000);
  });
});

describe("a liar", () => {
  it("cannot speak for a dead member, nor say goodbye for it", async () => {
    const ward = await calmWard();
    ward.kill("nas-7");
    await ward.pass(5_000);
    const forged = { member: keyOf("nas-7"), incarnation: 2 ** 47, accusers: [], signature: new Uint8Array(64) };
    for (const status of ["alive", "left"] as const) {
      const words = [{ ...forged, status }];
      ward.step(ward.named("nas-8"), { event: "broadcast", words, from: keyOf("nas-1") });
    }
    expect(ward.verdict("nas-8", "nas-7")).toBe("unreachable");
  });

  it("can accuse, and the accused defends itself at once", async () => {
    const ward = await calmWard();
    const accusers = ["nas-1", "nas-2", "nas-3"].map(keyOf);
    const victim = ward.named("nas-8");
    const own = victim.detector.messageFor(keyOf("unknown"), 0).words[0]!;
    for (const patient of ward.all) {
      const words = [{ ...own, status: "silent" as const, accusers }];
      ward.step(patient, { event: "broadcast", words, from: keyOf("nas-1") });
    }
    expect(await ward.until(() => ward.everybodySays("nas-8", "alive"), 3_000)).toBeLessThanOrEqual(500);
    expect(ward.changes.filter(({ verdict }) => verdict === "unreachable")).toEqual([]);
  });
});
