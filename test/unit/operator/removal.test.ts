import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { EVERYTHING, grantBody } from "../../../src/operator/authority.ts";
import { planRemoval, type Removal, type RemovalWish } from "../../../src/operator/removal.ts";
import type { Session } from "../../../src/operator/session.ts";
import { Household, keys, seed, START_MS, writePlainKey } from "./household.ts";

/* alice (rank 1) has let bob (2) and carol (3) in; bob has removed carol. What if alice removes bob? */

const [BOB, CAROL] = [seed(2), seed(3)];
const keyOf = (own: typeof BOB) => keys.signer(own).publicKey;

describe("a removal", () => {
  let house: Household;
  let bobs: string;
  const open: Session[] = [];

  beforeEach(async () => {
    house = await Household.create();
    bobs = `${house.dir}/bobs`;
    await as("alice", async (alice) => {
      const grant = (name: string, own: typeof BOB, rank: number) =>
        grantBody({ ...EVERYTHING, name, key: keyOf(own), rank }, START_MS);
      await alice.sign({ acts: [grant("bob", BOB, 2), grant("carol", CAROL, 3)] });
    });
    writePlainKey(bobs, "bob", house.founded.mesh, BOB);
  });

  afterEach(() => {
    for (const session of open.splice(0)) session.close();
    house.remove();
  });

  async function as<T>(who: "alice" | "bob", run: (session: Session) => Promise<T>): Promise<T> {
    const session = await house.session({}, house.laptop, who === "bob" ? bobs : house.dir);
    open.push(session);
    try {
      return await run(session);
    } finally {
      session.close();
    }
  }

  const wish = (own: typeof BOB, more: Partial<RemovalWish> = {}): RemovalWish => {
    return { keys: [toHex(keyOf(own))], from: null, reason: "", nowMs: house.nowMs, ...more };
  };

  const plan = (session: Session, wished: RemovalWish): Promise<Removal> =>
    planRemoval({ keys, courier: house.laptop, known: session.known }, session.logWith("admin"), wished);

  const stateOf = (own: typeof BOB) =>
    house.laptop.replica.view().operators.find(({ key }) => key === toHex(keyOf(own)))?.state;

  async function bobRemovesCarol(): Promise<void> {
    await as("bob", async (bob) => {
      await bob.sign({ writes: [{ path: "label/early", value: 1 }] });
      house.nowMs += 60_000;
      await bob.sign({ acts: (await plan(bob, wish(CAROL))).cuts, writes: [{ path: "label/late", value: 1 }] });
    });
  }

  it("keeps everything that is known: nothing becomes void, and nobody comes back", async () => {
    await bobRemovesCarol();
    await as("alice", async (alice) => {
      const { cuts, again, lines, writes } = await plan(alice, wish(BOB));
      expect({ again, lines, count: writes.count }).toEqual({ again: [], lines: [], count: 0 });
      expect(cuts[0]?.keeps.map(({ a, l }) => [a?.length, l?.seq])).toEqual([[1, 2]]);
      await alice.sign({ acts: cuts });
    });
    expect([stateOf(BOB), stateOf(CAROL)]).toEqual(["cut", "cut"]);
    expect(house.laptop.replica.view().desired("label/late")?.value).toBe(1);
  });

  it.each(["time", "entry"] as const)("from a %s on signs again what bob had taken away by right", async (kind) => {
    await bobRemovesCarol();
    await as("alice", async (alice) => {
      const cut = alice.known.graph.entries.find(({ body }) => body.type === "cut")?.entry.id ?? "";
      const from = kind === "time" ? { atMs: START_MS + 30_000 } : { entry: cut };
      const { cuts, again, lines, writes } = await plan(alice, wish(BOB, { from }));
      expect(lines).toEqual([`bob: remove key ${toHex(keyOf(CAROL)).slice(0, 12)}`]);
      expect(writes.writes.map(({ path }) => path)).toEqual(kind === "time" ? ["label/late"] : []);
      expect(again.map(({ type }) => type)).toEqual(["cut"]);
      await alice.sign({ acts: [...again, ...cuts] });
    });
    expect([stateOf(BOB), stateOf(CAROL)]).toEqual(["cut", "cut"]);
    const { value } = house.laptop.replica.view().desired("label/late") ?? {};
    expect(value).toBe(kind === "time" ? undefined : 1);
  });

  it("does not take away again what has come back by right since", async () => {
    await bobRemovesCarol();
    await as("alice", async (alice) => {
      const back = grantBody({ ...EVERYTHING, name: "carol", key: keyOf(CAROL), rank: 3 }, house.nowMs);
      await alice.sign({ acts: [back] });
      const { again } = await plan(alice, wish(BOB, { from: { atMs: START_MS + 30_000 } }));
      expect(again).toEqual([]);
    });
  });

  it("draws frontiers of authority through what was checked here, whatever the agent says", async () => {
    await bobRemovesCarol();
    await as("alice", async (alice) => {
      const { cuts } = await plan(alice, wish(BOB));
      const tip = alice.known.graph.entries.findLast(({ key }) => key === toHex(keyOf(BOB)))?.entry.hash;
      expect(cuts[0]?.keeps[0]?.a?.map(toHex)).toEqual(tip === undefined ? [] : [toHex(tip)]);
    });
  });
});
