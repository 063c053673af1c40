import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Status } from "../../src/operations/kinds/status.ts";
import { Lab, type Machine, until } from "./lab.ts";

let lab: Lab;
let nas: Machine;
let web: Machine;

beforeEach(async () => {
  lab = Lab.open();
  nas = lab.machine("nas-1");
  web = lab.machine("web-1", "nobody");
  await nas.run(["init", "--local", "--node", "nas-1"]);
  await nas.startAgent();
  const { item } = await nas.json<{ item: { token: string } }>("token", "create", "--name", "web-1", "--labels", "web");
  await web.run(["join", item.token]);
  await web.startAgent();
  await converged();
});
afterEach(() => lab.close());

const statusOf = async (machine: Machine) => (await machine.json<{ item: Status }>("status")).item;

async function converged(): Promise<void> {
  await until("both say the same", async () => {
    const [here, there] = [await statusOf(nas), await statusOf(web)];
    return here.stateHash === there.stateHash && there.online === 2 && here.online === 2;
  });
}

describe("an agent whose store was damaged while it was off", () => {
  test("starts without any store, is refilled by its peers, and says so", async () => {
    await web.run(["agent", "stop"]);
    rmSync(join(web.home, "store"), { recursive: true });
    await web.startAgent();
    await converged();
    const { warnings } = await statusOf(web);
    expect(warnings.join("\n")).toContain("the store was damaged (it is gone");
    expect((await web.json<{ items: { name: string }[] }>("get", "servers")).items.map(({ name }) => name)).toEqual([
      "nas-1",
      "web-1",
    ]);
  });

  test("starts with a cut manifest, keeps the damaged files beside it, and takes changes", async () => {
    await nas.run(["agent", "stop"]);
    const store = join(nas.home, "store");
    truncateSync(join(store, readdirSync(store).find((name) => name.startsWith("MANIFEST")) ?? ""), 7);
    await nas.startAgent();
    await converged();
    expect((await statusOf(nas)).warnings.join("\n")).toContain("store.damaged-");
    await nas.run(["label", "server", "web-1", "prod"]);
    await converged();
    expect(readdirSync(nas.home).some((name) => name.startsWith("store.damaged-"))).toBe(true);
  });

  test("says it once: the next start finds a sound store", async () => {
    await web.run(["agent", "stop"]);
    rmSync(join(web.home, "store", "CURRENT"));
    await web.startAgent();
    await converged();
    await web.run(["agent", "stop"]);
    await web.startAgent();
    await converged();
    expect((await statusOf(web)).warnings.join("\n")).not.toContain("store");
  });
});
