import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLoss } from "../../src/node/loss.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";
import { SmallDisk } from "./small-disk.ts";

const LARGE_BYTES = 1_000_000;

/** nas-1 has room; the disk of nas-2 has 24 MB. */
describe("a secret store on a full disk", () => {
  let lab: Lab;
  let nas1: Machine;
  let nas2: Machine;
  let disk: SmallDisk | null;

  beforeAll(async () => {
    lab = Lab.open();
    nas1 = lab.machine("nas-1");
    nas2 = lab.machine("nas-2");
    disk = await SmallDisk.under(lab, nas2);
    if (disk === null) return;
    await nas1.found();
    await nas1.run(["apply", "-f", "-"], { input: "labels: { app: { secrets: [app/key, app/blob] } }" });
    await nas1.run(["label", "server", "nas-1", "app"]);
    await nas2.join(await nas1.token("--name", "nas-2", "--labels", "secret-store"));
    await nas1.run(["secret", "set", "app/key"], { input: "before" });
    await until("both have it", async () => (await stateOf("nas-2")) === "synced 1");
  }, 60_000);

  afterAll(() => lab.close());

  async function stateOf(name: string): Promise<string> {
    const { item } = await nas1.json<{ item: { replicas: readonly { name: string; state: string; held: number }[] } }>(
      ...["secret", "status", "--store"],
    );
    const one = item.replicas.find((replica) => replica.name === name);
    return `${one?.state} ${one?.held}`;
  }

  function largeFile(name: string): string {
    const file = join(lab.root, name);
    writeFileSync(file, randomBytes(LARGE_BYTES));
    return file;
  }

  it("does not take a value that it has no room for and says so; the other store has it, and it gets it later", async (context) => {
    if (disk === null) return context.skip("a small disk cannot be mounted here: it takes root");
    disk.fill();
    const heard = await nas1.try(["secret", "set", "app/blob", "--from-file", largeFile("blob")]);
    expect(heard).toMatchObject({ exit: 0, stdout: expect.stringContaining("in 1 of 2 stores (nas-1)") });
    expect(heard.stderr).toContain("nas-2 will get it from the others");
    expect(nas2.isAlive).toBe(true);
    disk.free();
    await until("it has it", async () => (await stateOf("nas-2")) === "synced 2", { withinMs: 60_000 });
  }, 120_000);

  it("that is the only one refuses a new value, has the one before, and takes the new one when there is room", async (context) => {
    if (disk === null) return context.skip("a small disk cannot be mounted here: it takes root");
    await nas1.run(["label", "server", "nas-1", "secret-store-"]);
    await until("nas-2 alone has them", async () => (await stateOf("nas-2")) === "synced 2");
    disk.fill();
    const set = () => nas1.try(["secret", "set", "app/key"], { input: "after" });
    let refusal = await set();
    // A little room may be left, until a large one has been tried.
    for (let i = 0; refusal.exit === 0 && i < 20; i++)
      refusal = await nas1.try(["secret", "set", "app/blob", "--from-file", largeFile("more")]);
    expectRefusal(refusal, 1, /no store has taken the value of app\//);
    await nas2.killAgent();
    disk.free();
    await nas2.startAgent();
    expect((await nas2.run(["secret", "history", "app/key", "-o", "json"])).match(/"nas-2"/g)?.length).toBeGreaterThan(
      0,
    );
    await until("it is set", async () => (await set()).exit === 0);
    await until("it is read", async () => (await nas1.try(["secret", "get", "app/key"])).stdout === "after");
    expect(await nas1.run(["secret", "history", "app/key"])).toContain("nas-2");
  });

  it("is filled as far as there is room, has that after a restart on the full disk, and goes on when there is more", async (context) => {
    if (disk === null) return context.skip("a small disk cannot be mounted here: it takes root");
    await nas1.run(["label", "server", "nas-1", "secret-store"]);
    await until("nas-1 has it, too", async () => (await stateOf("nas-1")).endsWith(" 2"));
    await nas1.run(["label", "server", "nas-2", "secret-store-"]);
    const blobs = ["app/blob", ...Array.from({ length: 7 }, (_, i) => `app/blob-${i}`)];
    await nas1.run(["apply", "-f", "-"], { input: `labels: { app: { secrets: [app/key, ${blobs.join(", ")}] } }` });
    for (const path of blobs) await nas1.run(["secret", "set", path, "--from-file", largeFile("blob")]);
    disk.fill(5 * LARGE_BYTES);
    await nas1.run(["label", "server", "nas-2", "secret-store"]);
    const held = async () => Number(/^filling ([0-9])$/.exec(await stateOf("nas-2"))?.[1] ?? 0);
    await until("it has what there is room for", async () => (await held()) > 1);
    await until("no more comes", async () => {
      const before = await held();
      await sleep(1000);
      return before === (await held());
    });
    const before = await held();
    expect(before).toBeLessThan(1 + blobs.length);
    disk.fill();
    await nas2.killAgent();
    await nas2.startAgent();
    await until("it has what it had", async () => (await held()) === before);
    // The second time the label stands there already, as far as the agent's memory goes.
    for (const attempt of ["first", "again"]) {
      const label = await nas2.try(["label", "server", "nas-2", "more"]);
      expectRefusal(label, 1, /the disk is full/);
      expect(label.stdout, attempt).toBe("");
    }
    expect((await nas2.run(["status"])).replaceAll(/\s+/g, " ")).toContain("answered from memory: the disk is full");
    disk.free();
    await nas2.killAgent();
    await nas2.startAgent();
    await until("it has all", async () => (await stateOf("nas-2")) === `synced ${1 + blobs.length}`);
  }, 120_000);
});

/** Its disk is full when its store is found damaged: nothing can be mended, and everything can be read. */
describe("an agent whose store is damaged on a full disk", () => {
  let lab: Lab;
  let nas1: Machine;
  let nas2: Machine;
  let disk: SmallDisk | null;

  beforeAll(async () => {
    lab = Lab.open();
    nas1 = lab.machine("nas-1");
    nas2 = lab.machine("nas-2");
    disk = await SmallDisk.under(lab, nas2);
    if (disk === null) return;
    await nas1.found();
    await nas2.join(await nas1.token("--name", "nas-2"));
    await until("it knows both", async () => (await nas2.servers()).length === 2);
  }, 60_000);

  afterAll(() => lab.close());

  it("answers reads, takes no write, and mends it when there is room, without another start", async (context) => {
    if (disk === null) return context.skip("a small disk cannot be mounted here: it takes root");
    await nas2.killAgent();
    await nas2.agentEnds;
    rmSync(join(disk.home, "store/CURRENT"));
    disk.fill();
    await nas2.startAgent();
    expect((await nas2.servers()).map(({ name }) => name)).toEqual(["nas-1", "nas-2"]);
    expect((await nas2.run(["status"])).replaceAll(/\s+/g, " ")).toContain("answered from memory: ");
    let tries = 0;
    const label = () => nas2.try(["label", "server", "nas-2", `try-${++tries}`]);
    expect((await label()).exit).not.toBe(0);
    disk.free();
    await until("it takes writes again", async () => (await label()).exit === 0, { withinMs: 40_000, pollMs: 500 });
    expect(readdirSync(disk.home).some((name) => name.startsWith("store.damaged-"))).toBe(true);
    await nas2.killAgent();
    await nas2.agentEnds;
    const store = await openLevelDisk(join(disk.home, "store"));
    expect(await readLoss(store, Date.now()), "that something was lost is in it").not.toBeNull();
    await store.close();
    await nas2.startAgent();
    const labels = async () => (await nas2.servers()).find(({ name }) => name === "nas-2")?.labels;
    expect(await labels()).toContain(`try-${tries}`);
    // Nobody had heard of it before.
    await until("the audit has it", async () => /store\.heal/.test(await nas1.run(["get", "audit"])));
  }, 120_000);
});
