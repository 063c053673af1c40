import { describe, expect, it } from "vitest";
import { coreDumpCheck, homeChecks } from "../../../src/node/doctor/home-checks.ts";
import { addressCheck, clockCheck, ledgersCheck, peersCheck } from "../../../src/node/doctor/mesh-checks.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import type { HomeFacts } from "../../../src/node/platform/home-facts.ts";

const GIB = 1024 ** 3;
const sound: HomeFacts = {
  home: "/var/lib/lab",
  uid: 0,
  files: [
    { name: "", mode: 0o700, mostMode: 0o700, uid: 0 },
    { name: "keys/node.key", mode: 0o400, mostMode: 0o600, uid: 0 },
  ],
  space: { freeBytes: 10 * GIB, totalBytes: 100 * GIB },
  encryption: "encrypted",
  machineKey: { sealing: "file", open: [], tpm: "none" },
  coreDumpBytes: 0,
};

const states = (facts: HomeFacts) => homeChecks(facts).map(({ state }) => state);

describe("a home that is examined", () => {
  it("is well when its keys are its own, its disk has room and is encrypted", () => {
    expect(homeChecks(sound).map(({ state, fix }) => [state, fix])).toEqual(
      sound.files.concat({} as never).map(() => ["ok", ""]),
    );
  });

  it("has failed when a key may be read by others, is missing, or belongs to another user", () => {
    const withKey = (key: object, uid = 0) => ({ ...sound, uid, files: [{ ...sound.files[1]!, ...key }] });
    expect(states(withKey({ mode: 0o640 }))[0]).toBe("failed");
    expect(states(withKey({ mode: null }))[0]).toBe("failed");
    expect(states(withKey({ uid: 7 }, 1000))[0]).toBe("failed");
    expect(states(withKey({ uid: 1000 }, 1000))[0]).toBe("ok");
    // Root may read everything anyway.
    expect(states(withKey({ uid: 1000 }, 0))[0]).toBe("ok");
  });

  it.each([
    ["ok", 10 * GIB, 100 * GIB],
    ["warning", 4 * GIB, 100 * GIB],
    ["warning", GIB / 2, GIB],
    ["failed", GIB / 20, 100 * GIB],
  ])("has disk space: %s for %d bytes of %d", (state, freeBytes, totalBytes) => {
    expect(states({ ...sound, space: { freeBytes, totalBytes } })[2]).toBe(state);
  });

  it("is told of a machine key on a disk that is not encrypted, and of what nobody can tell", () => {
    expect(states({ ...sound, encryption: "plain" })[1]).toBe("warning");
    expect(states({ ...sound, encryption: "unknown", space: null })).toEqual(["ok", "unknown", "unknown"]);
  });

  it("warns of dumps of any size", () => {
    expect([0, 1, Number.POSITIVE_INFINITY, null].map((bytes) => coreDumpCheck(bytes).state)).toEqual([
      ...["ok", "warning", "warning", "unknown"],
    ]);
  });
});

describe("the peers of a machine", () => {
  function source(strangerTo: readonly string[], state = "active"): ReadSource {
    const nodes = new Map(
      ["nas-1", "web-1", "web-2"].map((name) => {
        return [`id of ${name}`, { id: `id of ${name}`, key: `key of ${name}`, name, state }];
      }),
    );
    return {
      self: { id: "id of nas-1", key: "key of nas-1" },
      replica: { view: () => ({ nodes }) },
      opinion: (key: string) => ({ key, online: "yes" }),
      strangerTo: () => strangerTo,
    } as unknown as ReadSource;
  }

  it("are well when all are heard and none takes it for a stranger, as a restored machine is to those that were left", () => {
    expect(peersCheck(source([]))).toMatchObject({ state: "ok", detail: "2 of 2 heard" });
    expect(peersCheck(source(["key of web-2", "key of somebody who is gone"]))).toMatchObject({
      state: "warning",
      detail: "2 of 2 heard; web-2 takes this machine for a stranger, and nothing goes between them",
      fix: "lab backup create PLACE here, then lab backup restore PLACE on web-2",
    });
    expect(peersCheck(source(["key of web-1"], "suspended")).detail).not.toContain("stranger");
  });
});

describe("the clock of a machine", () => {
  const check = (...aheadMs: (number | null)[]) =>
    clockCheck(
      aheadMs.map((ms, i) => ({ peer: `web-${i + 1}`, aheadMs: ms })),
      true,
    );

  it("is well when most peers have the same time", () => {
    expect(check(3, -2, 40)).toMatchObject({ state: "ok", detail: "within 3 ms of 3 peers" });
  });

  it("is behind when most are ahead, and then signing is refused from five minutes on", () => {
    expect(check(20_000, 21_000, 0)).toMatchObject({ state: "warning", detail: "20 s behind the clocks of 3 peers" });
    expect(check(-400_000)).toMatchObject({ state: "failed", detail: "7 min ahead of the clocks of 1 peer" });
  });

  it("is well beside one peer whose clock is wrong, and that one is named", () => {
    expect(check(3, 86_400_000, -2)).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("web-2") as string,
    });
  });

  it("is unknown when nobody tells, and well when there is nobody", () => {
    expect(clockCheck([], false).state).toBe("ok");
    expect(check()).toMatchObject({ state: "unknown" });
    expect(check(null, null)).toMatchObject({ state: "unknown" });
  });
});

describe("ledgers of operators", () => {
  const nowMs = Date.parse("2027-01-10T12:00:00Z");
  const ledger = (operator: string, entries: number, pinnedAt: number | null) => {
    const checkpoint = pinnedAt === null ? null : { entry: pinnedAt, at: "2027-01-10T09:00:00Z", by: operator };
    return { operator, log: "ab".repeat(32), entries, live: 20, dead: entries - 20, checkpoint };
  };
  const check = (...ledgers: Parameters<typeof ledgersCheck>[0]) => ledgersCheck(ledgers, [], nowMs);

  it("are told with their size and what lies behind their last checkpoint", () => {
    expect(check()).toMatchObject({ state: "ok", detail: "nobody has written anything yet" });
    expect(check(ledger("alice", 6_012, 6_000), ledger("bob", 1, null))).toMatchObject({
      state: "ok",
      detail:
        "alice 6012 entries for 20 values, 12 after the checkpoint of 3 h ago; bob 1 entry for 20 values, no checkpoint",
      fix: "",
    });
  });

  it("of which a checkpoint says something else have failed", () => {
    expect(ledgersCheck([ledger("alice", 12, 10)], ["alice"], nowMs)).toMatchObject({
      state: "failed",
      detail: expect.stringMatching(/^a checkpoint says something else of the ledger of alice than/) as string,
      fix: "lab doctor --peer NAME: what do others say?",
    });
  });

  it("that begin with a state say where, and are a warning while that may say too little", () => {
    const begins = { entry: 8, at: "2026-01-01T00:00:00.000Z", doubt: null };
    expect(check({ ...ledger("alice", 12, 10), begins })).toMatchObject({
      state: "ok",
      detail: expect.stringMatching(/here from 8 on/) as string,
    });
    expect(check({ ...ledger("alice", 12, 10), begins: { ...begins, doubt: "cut" } })).toMatchObject({
      state: "warning",
      detail: expect.stringMatching(
        /begins at entry 8 here, and its writer was removed by somebody who did not know the checkpoint/,
      ) as string,
      fix: expect.stringMatching(/lab backup restore/) as string,
    });
  });

  it("that nobody pins although most of them is dead are a warning, with the command that helps", () => {
    expect(check(ledger("alice", 30_000, 19_981)).state).toBe("ok");
    expect(check(ledger("bob", 1, null), ledger("alice", 30_000, 19_979))).toMatchObject({
      state: "warning",
      fix: "lab checkpoint, where the key of alice is",
    });
  });
});

describe("the addresses that an agent tells", () => {
  const at = (address: string, answered: boolean) => ({
    address,
    answered,
    scope: address.startsWith("127.") ? ("loopback" as const) : ("network" as const),
  });

  it("are well when each answers", () => {
    expect(addressCheck([at("10.0.0.7:7444", true)], true).state).toBe("ok");
    expect(addressCheck([at("127.0.0.1:7444", true)], false).state).toBe("ok");
  });

  it("are a warning when one does not answer from here, or when only this machine can use them", () => {
    expect(addressCheck([at("10.0.0.7:7444", true), at("lab.example.com:7444", false)], true)).toMatchObject({
      state: "warning",
      detail: expect.stringContaining("lab.example.com:7444") as string,
    });
    expect(addressCheck([at("127.0.0.1:7444", true)], true).state).toBe("warning");
  });

  it("have failed when there is none, or none answers", () => {
    expect(addressCheck([], true).state).toBe("failed");
    expect(addressCheck([at("10.0.0.7:7444", false)], true).state).toBe("failed");
  });
});
