import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDirectoryName } from "../../src/core/run-directory.ts";
import type { Status } from "../../src/operations/kinds/status.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { writeSnapshot } from "../../src/node/platform/store/snapshots.ts";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

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

const filesOf = ({ home }: Machine) => new Set(readdirSync(home, { recursive: true, encoding: "utf8" }));
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
    expect((await web.try(["doctor"])).stdout).toMatch(/⚠ store: the store was damaged/);
    await until("nas-1 reads of it in the audit", async () => {
      return /store\.heal.*the store was damaged \(it is gone/.test(await nas.run(["get", "audit"]));
    });
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

  test("with wrong permissions is opened all the same, and status and audit say that they were mended", async () => {
    await web.run(["agent", "stop"]);
    chmodSync(join(web.home, "store", "CURRENT"), 0o000);
    chmodSync(join(web.home, "store.tally"), 0o400);
    chmodSync(join(web.home, "store"), 0o500);
    await web.startAgent();
    expect((await statusOf(web)).warnings.join("\n")).toContain(
      "the permissions of the store were wrong and are mended",
    );
    await converged();
    await until("nas-1 reads of it in the audit", async () => /store\.mend/.test(await nas.run(["get", "audit"])));
    expect(readdirSync(web.home).filter((name) => name.startsWith("store.damaged-"))).toEqual([]);
  });

  test("says what was done also where it hears nobody", async () => {
    const pi = lab.machine("pi-1", "nobody");
    await pi.join(await nas.token("--name", "pi-1"));
    await until("web-1 knows all", async () => (await statusOf(web)).members === 3);
    await web.run(["agent", "stop"]);
    await pi.killAgent();
    await nas.killAgent();
    rmSync(join(web.home, "store", "CURRENT"));
    await web.startAgent();
    const { warnings } = await statusOf(web);
    expect(warnings.join("\n")).toMatch(/this side sees 1 of 3 members/);
    expect(warnings.join("\n")).toMatch(/^web-1: the store was damaged/m);
  });

  test("that lost all and hears nobody says that, and what to do, until a peer gives it again", async () => {
    await web.run(["agent", "stop"]);
    await nas.run(["agent", "stop"]);
    rmSync(join(web.home, "store"), { recursive: true });
    rmSync(join(web.home, "snapshots"), { recursive: true, force: true });
    await web.startAgent();
    const told = (await statusOf(web)).warnings.join("\n");
    expect(told).toMatch(/^this machine is not in what it knows of the mesh: .*: lab backup restore PLACE$/m);
    expect(told).toMatch(/^this machine: the store was damaged \(it is gone/m);
    expect(told).not.toContain("recovery code");
    await nas.startAgent();
    await converged();
    expect((await statusOf(web)).warnings.join("\n")).not.toContain("is not in what it knows");
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

  test("answers reads without its agent, and leaves it as it is", async () => {
    await web.run(["agent", "stop"]);
    rmSync(join(web.home, "store", "CURRENT"));
    const before = filesOf(web);
    const { exit, stdout, stderr } = await web.try(["get", "servers"]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/nas-1(.|\n)*web-1/);
    expect(stderr).toMatch(/the store is damaged .*the agent mends it when it starts: lab agent --detach/);
    expect((await statusOf(web)).warnings.join("\n")).toContain("the store is damaged");
    expect(filesOf(web)).toEqual(before);
  });
});

describe("a home without its agent", () => {
  test("whose store is damaged is looked at by doctor, which says so and changes no byte of it", async () => {
    await web.run(["agent", "stop"]);
    const store = join(web.home, "store");
    truncateSync(join(store, readdirSync(store).find((name) => name.startsWith("MANIFEST")) ?? ""), 60);
    const bytes = () =>
      [...filesOf(web)]
        .filter((name) => name.startsWith("store") && statSync(join(web.home, name)).isFile())
        .map((name) => `${name} ${readFileSync(join(web.home, name)).toString("base64")}`);
    const before = bytes();
    const { exit, stdout } = await web.try(["doctor"]);
    expect(exit).not.toBe(0);
    expect(stdout).toMatch(/✗ store: the store is damaged/);
    expect(bytes()).toEqual(before);
  });

  test("and without any store is read from its last snapshot", async () => {
    await web.run(["agent", "stop"]);
    const disk = await openLevelDisk(join(web.home, "store"));
    await writeSnapshot(join(web.home, "snapshots"), await disk.scan(""), new Date());
    await disk.close();
    for (const name of ["store", "store.tally"]) rmSync(join(web.home, name), { recursive: true });
    const { exit, stdout, stderr } = await web.try(["get", "servers"]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/nas-1(.|\n)*web-1/);
    expect(stderr).toMatch(/the store is damaged \(it is gone\)/);
  });
});

describe("two agents on one home", () => {
  test("are one: the second says who has it and goes, and the first runs on", async () => {
    const second = await web.try(["agent", ...web.agentFlags]);
    expectRefusal(second, 1, /another process has the store in .*web-1\/store open/);
    await nas.run(["label", "server", "web-1", "prod"]);
    await converged();
    expect((await statusOf(web)).warnings.join("\n")).not.toContain("store");
  });
});

const unshared = spawnSync("unshare", ["--mount", "true"]).status === 0;
const skipped = unshared ? "" : " (skipped: needs root, to mount the home read-only where nobody else sees it)";

describe.skipIf(!unshared)(`an agent whose home is read-only${skipped}`, () => {
  const readOnly = (home: string) => [
    ...["unshare", "--mount", "sh", "-c"],
    `mount --bind "${home}" "${home}" && mount -o remount,ro,bind "${home}" && exec "$@"`,
    "sh",
  ];

  test("starts, is found by the command line, answers reads from memory, takes no write, and is stopped", async () => {
    await web.run(["agent", "stop"]);
    web.within = readOnly(web.home);
    web.socket = join(lab.root, runDirectoryName(statSync(web.home)), "agent.sock");
    await web.startAgent();
    await until("it hears nas-1", async () => (await statusOf(web)).online === 2);
    expect((await web.json<{ items: { name: string }[] }>("get", "servers")).items.map(({ name }) => name)).toEqual([
      "nas-1",
      "web-1",
    ]);
    expect((await statusOf(web)).warnings.join("\n")).toMatch(
      /nothing can be written, reads are answered from memory: .*[Rr]ead-only file system/,
    );
    const refused = await nas.try(["label", "server", "web-1", "prod", "--socket", web.socket]);
    expect(refused.exit).not.toBe(0);
    expect(refused.stderr).toMatch(/[Rr]ead-only file system/);
    await web.run(["agent", "stop"]);
    expect(web.isAlive).toBe(false);
    expect(await web.run(["get", "servers"])).toContain("web-1");
  });

  test("runs detached, and comes back when the disk takes data again", async () => {
    await web.run(["agent", "stop"]);
    web.within = readOnly(web.home);
    expect(await web.run(["agent", "--detach", ...web.agentFlags])).toContain("its log is not kept");
    expect((await statusOf(web)).online).toBeGreaterThan(0);
    await web.run(["agent", "stop"]);
    web.within = [];
    await web.startAgent();
    await converged();
    expect((await statusOf(web)).warnings.join("\n")).not.toContain("store");
  });
});
