import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { CheckpointBody, Need } from "../../../src/crdt/authority/bodies.ts";
import { checkpointState } from "../../../src/crdt/checkpoint.ts";
import { EVERYTHING, grantBody } from "../../../src/operator/authority.ts";
import { untrueCheckpoints } from "../../../src/node/ledger-sizes.ts";
import { ownLogDir } from "../../../src/operator/files/key-file.ts";
import type { Session } from "../../../src/operator/session.ts";
import { Household, keys, seed, START_MS, writePlainKey } from "./household.ts";
import type { ReplicaPeer } from "./replica-peer.ts";

const PATHS = 3_000;
const PIN = /^signing as \w+: checkpoint of the ledger of (\w+) at entry (\d+)/;

let house: Household;
beforeEach(async () => {
  house = await Household.create();
});
afterEach(() => house.remove());

async function during<T>(session: Session, run: (session: Session) => Promise<T>): Promise<T> {
  try {
    return await run(session);
  } finally {
    session.close();
  }
}

/** Writes at the first `count` paths, each time something else. */
async function writeAll(count: number, peer = house.laptop, dir = house.dir): Promise<void> {
  house.nowMs += 1000;
  const writes = Array.from({ length: count }, (_, i) => ({
    path: `label/l-${i}`,
    value: { size: `s${house.nowMs}` },
  }));
  await during(await house.session({}, peer, dir), (session) => session.sign({ writes }));
}

const pinsSaid = () => house.said.flatMap((line) => (PIN.test(line) ? [line] : []));
const checkpointsAt = ({ replica }: ReplicaPeer) => replica.authority.checkpoints.map(({ body }) => body);

describe("an operator who writes the same again and again", () => {
  test("makes a checkpoint along the way when more is dead than lives, and not before", async () => {
    await writeAll(PATHS);
    await writeAll(PATHS);
    await writeAll(2_000);
    // 5,000 are dead by now, and that is not more than 5,000.
    await writeAll(1);
    expect(pinsSaid()).toEqual([]);
    const before = house.laptop.submissions;
    await writeAll(2);
    expect(pinsSaid()).toEqual([
      "signing as alice: checkpoint of the ledger of alice at entry 12: 5001 writes more hold nothing any more, 3000 hold something",
    ]);
    expect(house.laptop.submissions).toBe(before + 1);
    const [body, ...others] = checkpointsAt(house.laptop);
    expect(others).toEqual([]);
    expect(body?.pins).toHaveLength(1);
    expect(body?.pins[0]).toMatchObject({ seq: 12 });
    const links = house.laptop.replica.fold.ledgers.get(toHex(house.founded.log))?.links.slice(0, 12) ?? [];
    expect(toHex(checkpointState(keys, [links]))).toBe(toHex((body as CheckpointBody).state));
  });

  test("makes the next one when as much has died again, also where the state of the own log is lost", async () => {
    for (let i = 0; i < 3; i++) await writeAll(PATHS);
    await writeAll(1);
    expect(pinsSaid()).toHaveLength(1);
    const dir = ownLogDir(house.dir, "alice");
    for (const name of readdirSync(dir).filter((file) => file.endsWith(".json"))) rmSync(join(dir, name));
    await writeAll(PATHS);
    await writeAll(1_999);
    await writeAll(1);
    expect(pinsSaid()).toHaveLength(1);
    await writeAll(1);
    expect(pinsSaid()).toHaveLength(2);
    expect(checkpointsAt(house.laptop)).toHaveLength(2);
  });

  test("makes none where the act would wait for others, nor with a key that may not administer", async () => {
    const bobs = mkdtempSync(join(tmpdir(), "lab-bob-"));
    try {
      const grants: [seedByte: number, Partial<{ need: Need; rights: readonly ("ops" | "admin")[] }>][] = [
        [3, { need: { admin: 2, destroy: 1 } }],
        [4, { rights: ["ops"] }],
      ];
      for (const [byte, what] of grants) {
        const key = keys.signer(seed(byte)).publicKey;
        const body = grantBody({ ...EVERYTHING, ...what, key, name: "bob", rank: 2 }, START_MS);
        await during(await house.session(), (session) => session.sign({ acts: [body] }));
        rmSync(join(bobs, "operators"), { recursive: true, force: true });
        writePlainKey(bobs, "bob", house.founded.mesh, seed(byte));
        for (let i = 0; i < 3; i++) await writeAll(PATHS, house.laptop, bobs);
        await writeAll(1, house.laptop, bobs);
      }
      expect(checkpointsAt(house.laptop)).toEqual([]);
    } finally {
      rmSync(bobs, { recursive: true, force: true });
    }
  });
});

test("whose ledger has two histories decides between them only when asked", async () => {
  const copy = `${house.dir}-copy`;
  try {
    for (const count of [PATHS, PATHS, 2_000]) await writeAll(count);
    cpSync(house.dir, copy, { recursive: true });
    const nas = await house.peer("nas-1");
    await nas.admit(...linksAt(house.laptop));
    await writeAll(2);
    await writeAll(3, nas, copy);
    const known = new Set(linksAt(house.laptop).map((bytes) => toHex(bytes)));
    await house.laptop.admit(...linksAt(nas).filter((bytes) => !known.has(toHex(bytes))));
    expect(house.laptop.replica.view().forks()).toHaveLength(1);
    await writeAll(4);
    expect(checkpointsAt(house.laptop)).toEqual([]);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

describe("an operator who asks for a checkpoint", () => {
  const ask = () =>
    house.session().then((session) =>
      during(session, async () => {
        const size = session.ledgerSize;
        if (size.entries > size.pinnedAt) await session.sign({ acts: [session.checkpoint()] });
        return size;
      }),
    );

  test("gets one of the own ledger, and none of what is pinned already", async () => {
    expect(await ask()).toMatchObject({ entries: 0, pinnedAt: 0 });
    await writeAll(2);
    await writeAll(1);
    expect(await ask()).toEqual({ entries: 2, pinnedAt: 0, live: 2, dead: 1, deadSince: 1 });
    expect(await ask()).toMatchObject({ entries: 2, pinnedAt: 2 });
    expect(checkpointsAt(house.laptop)).toHaveLength(1);
  });

  test("goes on with the own history after somebody with a copy of the key wrote another", async () => {
    const copy = `${house.dir}-copy`;
    try {
      await writeAll(1);
      cpSync(house.dir, copy, { recursive: true });
      const nas = await house.peer("nas-1");
      await nas.admit(...linksAt(house.laptop));
      await writeAll(2);
      await writeAll(3, nas, copy);
      await house.laptop.admit(...linksAt(nas).slice(1));
      const written = () => house.laptop.replica.view().desiredUnder("label/");
      expect(written()).toHaveLength(1);
      expect(await ask()).toMatchObject({ entries: 2, pinnedAt: 0 });
      expect(written()).toHaveLength(2);
      await writeAll(4);
      expect(written()).toHaveLength(4);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test("is told by every machine whose checkpoint is not true", async () => {
    await writeAll(2);
    const body = await during(await house.session(), async (session) => session.checkpoint());
    const untrue = () => untrueCheckpoints(house.laptop.source());
    await during(await house.session(), (session) => session.sign({ acts: [body] }));
    await writeAll(3);
    expect([untrue(), checkpointsAt(house.laptop)]).toEqual([[], [body]]);
    const lie = { ...body, state: new Uint8Array(32) };
    await during(await house.session(), (session) => session.sign({ acts: [lie] }));
    expect(untrue()).toEqual(["alice"]);
  });

  test("with a key that may not administer is refused", async () => {
    const bobs = mkdtempSync(join(tmpdir(), "lab-bob-"));
    try {
      const key = keys.signer(seed(3)).publicKey;
      const body = grantBody({ ...EVERYTHING, rights: ["ops"], key, name: "bob", rank: 2 }, START_MS);
      await during(await house.session(), (session) => session.sign({ acts: [body] }));
      writePlainKey(bobs, "bob", house.founded.mesh, seed(3));
      await during(await house.session({}, house.laptop, bobs), async (session) => {
        expect(() => session.ledgerSize).toThrow('has no right "admin"');
      });
    } finally {
      rmSync(bobs, { recursive: true, force: true });
    }
  });
});

function linksAt({ replica }: ReplicaPeer): Uint8Array[] {
  return [...replica.chains.values()].flatMap((chain) => chain.links().map(({ entry }) => entry.bytes));
}
