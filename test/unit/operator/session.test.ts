import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serverLabelPath } from "../../../src/core/paths.ts";
import { Replica } from "../../../src/crdt/replica.ts";
import { EVERYTHING, grantBody, roleBody, roleLogEnds, unroleBody } from "../../../src/operator/authority.ts";
import { ownLogDir } from "../../../src/operator/files/key-file.ts";
import { requireKept } from "../../../src/operator/requests.ts";
import type { Session } from "../../../src/operator/session.ts";
import { Household, keys, seed, START_MS, writePlainKey } from "./household.ts";
import { hexBytes, ReplicaPeer } from "./replica-peer.ts";

let house: Household;
beforeEach(async () => {
  house = await Household.create();
});
afterEach(() => house.remove());

async function labelLaptop(
  label: string,
  value: true | undefined,
  peer = house.laptop,
  dir = house.dir,
): Promise<void> {
  const path = `server/{laptop}/label/${label}`;
  await during(await house.session({ servers: ["laptop"], paths: [path] }, peer, dir), async (session) => {
    const id = session.context.servers["laptop"]?.id ?? "";
    await session.sign({ writes: [{ path: serverLabelPath(id, label), value }] });
  });
}

async function during(session: Session, run: (session: Session) => Promise<unknown>): Promise<void> {
  try {
    await run(session);
  } finally {
    session.close();
  }
}

function labelsOnLaptop(peer = house.laptop): readonly string[] {
  const view = peer.replica.view();
  return view.labelsOf(view.nodeByName("laptop")?.id ?? "");
}

describe("an operator who writes", () => {
  test("changes what every peer sees, and is told what was signed", async () => {
    await labelLaptop("prod", true);
    expect(labelsOnLaptop()).toEqual(["coordinator", "prod", "secret-store"]);
    await labelLaptop("prod", undefined);
    expect(labelsOnLaptop()).toEqual(["coordinator", "secret-store"]);
    expect(house.said).toEqual([
      "signing as alice: server laptop label prod",
      "signing as alice: server laptop without label prod",
    ]);
  });

  test("grants a role and takes it away, and keeps what was done in it", async () => {
    await during(await house.session({ servers: ["laptop"] }), async (session) => {
      const laptop = session.context.servers["laptop"];
      const node = hexBytes(laptop?.id ?? "");
      await session.sign({ acts: [roleBody(node, "pxe", START_MS)] });
      expect(labelsOnLaptop()).toContain("pxe");
      const ends = roleLogEnds(laptop?.roles["coordinator"]);
      expect(ends).toHaveLength(1);
      await session.sign({ acts: [unroleBody(node, "coordinator", ends, START_MS)] });
    });
    expect(labelsOnLaptop()).toEqual(["pxe", "secret-store"]);
    expect(house.said).toEqual([
      "signing as alice: grant pxe to laptop",
      "signing as alice: take coordinator from laptop",
    ]);
  });

  test("signs one batch for one order, however large, and it is folded whole", async () => {
    const writes = Array.from({ length: 2500 }, (_, i) => ({ path: `label/l-${i}`, value: { size: "small" } }));
    await during(await house.session(), (session) => session.sign({ writes }));
    const own = house.ownLog().ledgerAfter(0);
    expect(own.map(({ header }) => header.more)).toEqual(own.map((_, i) => own.length - 1 - i));
    expect(own.length).toBeGreaterThan(2);
    expect(house.laptop.replica.view().desiredUnder("label/")).toHaveLength(2500);
  });

  test("supersedes what another operator wrote, once it is known here", async () => {
    const bob = keys.signer(seed(3));
    await during(await house.session(), (session) =>
      session.sign({ acts: [grantBody({ ...EVERYTHING, key: bob.publicKey, name: "bob", rank: 2 }, START_MS)] }),
    );
    const bobs = mkdtempSync(join(tmpdir(), "lab-bob-"));
    try {
      writePlainKey(bobs, "bob", house.founded.mesh, seed(3));
      const nas = await house.peer("nas-1");
      const write = (size: string, peer: ReplicaPeer, dir: string) =>
        house
          .session({ paths: ["label/web"] }, peer, dir)
          .then((session) => during(session, () => session.sign({ writes: [{ path: "label/web", value: { size } }] })));
      await write("small", house.laptop, house.dir);
      await write("large", nas, bobs);
      for (const chain of nas.replica.chains.values()) {
        await house.laptop.admit(...chain.main.map(({ entry }) => entry.bytes));
      }
      const view = () => house.laptop.replica.view();
      expect(view().conflicts()).toHaveLength(1);
      house.nowMs -= 60_000;
      await write("medium", house.laptop, house.dir);
      expect(view().conflicts()).toEqual([]);
      expect(view().desired("label/web")?.value).toEqual({ size: "medium" });
    } finally {
      rmSync(bobs, { recursive: true, force: true });
    }
  });

  test("is refused with a clock that is more than five minutes off", async () => {
    house.nowMs += 6 * 60_000;
    await expect(house.session()).rejects.toMatchObject({
      code: "ClockOff",
      message: "this machine's clock is 6 minutes ahead of that of laptop",
    });
    house.nowMs -= 12 * 60_000;
    await expect(house.session()).rejects.toMatchObject({ code: "ClockOff" });
    house.nowMs += 6 * 60_000 - 1000;
    (await house.session()).close();
  });

  test("is refused when the key is no operator of this mesh", async () => {
    rmSync(join(house.dir, "operators"), { recursive: true });
    writePlainKey(house.dir, "eve", house.founded.mesh, seed(9));
    await during(await house.session(), async (session) => {
      await expect(session.sign({ writes: [{ path: "label/x", value: {} }] })).rejects.toMatchObject({
        code: "NotAuthorised",
        message: "the key of eve is no operator in mesh attic",
      });
    });
  });

  test("is refused on a mesh of which there is no key, and uses the right one of two", async () => {
    const mesh = new Uint8Array(32).fill(7);
    writePlainKey(house.dir, "aaron", mesh, seed(3));
    await labelLaptop("prod", true);
    expect(house.said).toEqual(["signing as alice: server laptop label prod"]);
    rmSync(join(house.dir, "operators", "alice.json"));
    await expect(house.session()).rejects.toMatchObject({ code: "WrongMesh" });
    rmSync(join(house.dir, "operators", "aaron.json"));
    await expect(house.session()).rejects.toMatchObject({ code: "NotAuthorised" });
  });

  test("is asked which of two keys of one mesh is meant", async () => {
    writePlainKey(house.dir, "bob", house.founded.mesh, seed(3));
    await expect(house.session()).rejects.toMatchObject({ code: "Usage", message: /alice, bob/ });
  });

  test("is refused with a key file that others can read, and told how to mend it", async () => {
    const path = join(house.dir, "operators", "alice.json");
    chmodSync(path, 0o640);
    await expect(house.session()).rejects.toMatchObject({
      code: "NotAuthorised",
      message: `${path} can be read by others (mode 0640)`,
      facts: { hint: `chmod 600 ${path}` },
    });
  });

  test("is refused with a key file whose halves do not fit", async () => {
    const path = join(house.dir, "operators", "alice.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(/"seed": "01/, '"seed": "02'));
    await expect(labelLaptop("prod", true)).rejects.toMatchObject({ code: "InvalidFile" });
    writeFileSync(path, text.slice(0, 100));
    await expect(house.session()).rejects.toMatchObject({ code: "InvalidFile" });
  });
});

describe("an operator's own log", () => {
  test("hands over by the next command what the agent did not take", async () => {
    house.laptop.state = "deaf";
    await expect(labelLaptop("prod", true)).rejects.toMatchObject({
      code: "PeerFailed",
      facts: { notes: ["it is signed and kept here; the next command hands it over"] },
    });
    expect(labelsOnLaptop()).not.toContain("prod");
    house.laptop.state = "up";
    await labelLaptop("web", true);
    expect(labelsOnLaptop()).toEqual(["coordinator", "prod", "secret-store", "web"]);
  });

  test("hands over again what a full disk refused, though the agent shows it, and knows no success before it is kept", async () => {
    const kept = async () => {
      const after = new Replica(keys, house.founded.mesh, house.laptop.disk);
      await after.load();
      return after.view();
    };
    const grant = async () => {
      await during(await house.session({ servers: ["laptop"] }), async (session) => {
        const node = hexBytes(session.context.servers["laptop"]?.id ?? "");
        if (!labelsOnLaptop().includes("pxe")) await session.sign({ acts: [roleBody(node, "pxe", START_MS)] });
      });
    };
    await labelLaptop("before", true);
    house.laptop.disk.full = true;
    await expect(labelLaptop("prod", true)).rejects.toMatchObject({ code: "DiskFull" });
    expect(labelsOnLaptop(), "as long as the agent runs").toContain("prod");
    for (const path of ["server/{laptop}/label/prod", "label/other"]) {
      await expect(house.session({ servers: ["laptop"], paths: [path] }), path).rejects.toMatchObject({
        code: "DiskFull",
        facts: { notes: ["it is signed and kept here; the next command hands it over"] },
      });
    }
    await expect(requireKept(house.laptop)).rejects.toMatchObject({ code: "DiskFull" });
    house.laptop.disk.full = false;
    (await house.session()).close();
    await requireKept(house.laptop);
    const view = await kept();
    expect(view.labelsOf(view.nodeByName("laptop")?.id ?? "")).toEqual(expect.arrayContaining(["before", "prod"]));

    house.laptop.disk.full = true;
    await expect(grant()).rejects.toMatchObject({ code: "DiskFull" });
    await expect(grant()).rejects.toMatchObject({ code: "DiskFull" });
    house.laptop.disk.full = false;
    await grant();
    expect((await kept()).holders("pxe").map(({ name }) => name)).toEqual(["laptop"]);
  });

  test("brings another peer what only the first one had", async () => {
    const nas = await house.peer("nas-1");
    await during(await house.session({ servers: ["laptop"] }), async (session) => {
      const node = hexBytes(session.context.servers["laptop"]?.id ?? "");
      await session.sign({ acts: [roleBody(node, "pxe", START_MS)], writes: [{ path: "label/web", value: {} }] });
    });
    await labelLaptop("prod", true, nas);
    expect(labelsOnLaptop(nas)).toEqual(["coordinator", "prod", "pxe", "secret-store"]);
    expect(nas.replica.view().desired("label/web")).toBeDefined();
    expect(nas.replica.graph.tips).toHaveLength(1);
  });

  test("goes on after the state beside it was lost, is of another time or is garbage", async () => {
    await labelLaptop("prod", true);
    const dir = ownLogDir(house.dir, "alice");
    const state = join(dir, readdirSync(dir).find((name) => name.endsWith(".json")) ?? "");
    const old = readFileSync(state);
    await labelLaptop("web", true);
    for (const spoil of [() => rmSync(state), () => writeFileSync(state, old), () => writeFileSync(state, "{")]) {
      spoil();
      await labelLaptop("eu", true);
      await labelLaptop("eu", undefined);
    }
    expect(labelsOnLaptop()).toEqual(["coordinator", "prod", "secret-store", "web"]);
    expect(house.laptop.replica.chain(house.ownLog().head ? toLog() : "", 1)?.shape).toBe("line");
  });

  test("drops what a crash left of an entry, and of a batch, that was never sent", async () => {
    await labelLaptop("prod", true);
    const dir = ownLogDir(house.dir, "alice");
    const bin = join(dir, readdirSync(dir).find((name) => name.endsWith(".bin")) ?? "");
    appendFileSync(bin, new Uint8Array([0, 0, 2, 0, 1, 2, 3]));
    await labelLaptop("web", true);
    expect(labelsOnLaptop()).toContain("web");

    const before = readFileSync(bin).length;
    house.laptop.state = "deaf";
    const writes = Array.from({ length: 1500 }, (_, i) => ({ path: `label/l-${i}`, value: {} }));
    await during(await house.session(), (session) => expect(session.sign({ writes })).rejects.toThrow("went away"));
    expect(house.ownLog().head?.seq).toBe(4);
    // The first entry of the two is whole, the second is not.
    truncateSync(bin, readFileSync(bin).length - 10);
    expect(house.ownLog().head?.seq).toBe(2);
    house.laptop.state = "up";
    await labelLaptop("eu", true);
    expect(labelsOnLaptop()).toContain("eu");
    expect(readFileSync(bin).length).toBeLessThan(before + 2000);
  });

  test("of a copied key that is behind refuses to write, and says why", async () => {
    const copy = `${house.dir}-copy`;
    try {
      cpSync(house.dir, copy, { recursive: true });
      await labelLaptop("prod", true);
      await expect(labelLaptop("web", true, house.laptop, copy)).rejects.toMatchObject({
        code: "Conflict",
        message: "this copy of alice's key is behind: restored from a backup, or copied?",
      });
      expect(labelsOnLaptop()).not.toContain("web");
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test("that went another way than the mesh refuses to write", async () => {
    const copy = `${house.dir}-copy`;
    try {
      cpSync(house.dir, copy, { recursive: true });
      const nas = await house.peer("nas-1");
      await labelLaptop("prod", true);
      house.nowMs += 1000;
      await labelLaptop("web", true, nas, copy);
      await expect(labelLaptop("eu", true, house.laptop, copy)).rejects.toMatchObject({ code: "Conflict" });
      await labelLaptop("eu", true, nas, copy);
      await expect(labelLaptop("us", true, house.laptop, copy)).rejects.toMatchObject({
        code: "Conflict",
        message: "this copy of alice's key and the mesh went different ways",
      });
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  test("does not go to a peer of another mesh", async () => {
    const stranger = new ReplicaPeer("stranger", keys, new Uint8Array(32).fill(5));
    await expect(house.session({}, stranger)).rejects.toMatchObject({ code: "WrongMesh" });
  });
});

function toLog(): string {
  return Buffer.from(house.founded.log).toString("hex");
}
