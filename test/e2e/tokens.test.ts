import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concat, toBase64Url } from "../../src/core/bytes.ts";
import { readToken, writeToken } from "../../src/core/enrolment.ts";
import { createKeys } from "../../src/node/platform/keys.ts";
import { expectRefusal, hear, Lab, type Machine, until } from "./lab.ts";

const keys = createKeys();

describe("a join token", () => {
  let lab: Lab;
  let nas: Machine;
  let count = 0;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.found();
  });

  afterAll(() => lab.close());

  const newcomer = () => lab.machine(`newcomer-${++count}`, `nobody-${count}`);
  const namesOfMembers = async () => (await nas.servers()).map(({ name }) => name);

  /** What was refused has left nothing in the way. */
  async function joinsWithAGoodOne(machine: Machine, name: string): Promise<void> {
    const said = await machine.run(["join", await nas.token("--name", name)]);
    expect(said).toContain(`this device is ${name}, a member of mesh homelab`);
    expect((await namesOfMembers()).filter((member) => member === name)).toEqual([name]);
  }

  it("is good for one key: another machine is refused, the same one is told that it is in", async () => {
    const token = await nas.token("--name", "web-1");
    const [web, thief] = [newcomer(), newcomer()];
    await web.run(["join", token]);
    expectRefusal(await thief.try(["join", token]), 4, /the token was used already/);
    expectRefusal(await newcomer().try(["join", token]), 4, /the token was used already/);
    expectRefusal(await web.try(["join", token]), 2, /is the home of "web-1"/);
    // As if the answer had been lost: the keys are there, the membership is not.
    rmSync(join(web.home, "home.json"));
    rmSync(join(web.home, "store"), { recursive: true });
    rmSync(join(web.home, "store.tally"));
    expect(await web.run(["join", token])).toContain("this device is web-1");
    await joinsWithAGoodOne(thief, "web-2");
    expect((await namesOfMembers()).filter((name) => name === "web-1")).toEqual(["web-1"]);
    const audit = await nas.run(["get", "audit"]);
    expect(audit).toMatch(/token\.redeem .*✗ denied +from 127\.0\.0\.1:\d+: the token was used already/);
    expect(audit).toMatch(/token\.redeem .*✓ allowed +from 127\.0\.0\.1:\d+: as web-1\n/);
  });

  it("that was made before its coordinator lost its store is refused, and another one is good", async () => {
    const web = newcomer();
    await web.join(await nas.token("--name", "lost-1"));
    const [first, second] = [await nas.token("--name", "lost-2"), await nas.token("--name", "lost-3")];
    await until("web-1 knows the tokens", async () => (await web.stateHash()) === (await nas.stateHash()));

    await nas.run(["agent", "stop"]);
    const older = join(lab.root, "older");
    cpSync(join(nas.home, "store"), older, { recursive: true });
    rmSync(join(nas.home, "store"), { recursive: true });
    await nas.startAgent();
    await until("web-1 gave it back", async () => (await web.stateHash()) === (await nas.stateHash()));
    const thief = newcomer();
    expectRefusal(await thief.try(["join", first]), 4, /lost its store at .*, and with it whom(.|\n)*lab token create/);
    await joinsWithAGoodOne(thief, "lost-4");

    // As a machine that is set back to an image of yesterday: nothing is damaged, and a peer knows more.
    await nas.run(["agent", "stop"]);
    rmSync(join(nas.home, "store"), { recursive: true });
    rmSync(join(nas.home, "store.tally"));
    cpSync(older, join(nas.home, "store"), { recursive: true });
    await nas.startAgent();
    await until("web-1 gave it back", async () => (await web.stateHash()) === (await nas.stateHash()));
    expectRefusal(await newcomer().try(["join", second]), 4, /lost its store at/);
    await web.run(["agent", "stop"]);
  });

  it("that was altered or cut short anywhere is refused before anybody is asked", async () => {
    const token = await nas.token("--name", "altered-1");
    const flip = (at: number) => token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    const middle = Math.floor(token.length / 2);
    const spoilt = [
      ...[5, 6, 12, middle, token.length - 2, token.length - 1].map(flip),
      ...[4, 5, 11, middle, token.length - 1].map((length) => token.slice(0, length)),
      `${token}A`,
      `lab2.${token.slice(5)}`,
      token.toUpperCase(),
      "lab1.",
      "hello",
    ];
    const machine = newcomer();
    for (const text of spoilt) {
      expectRefusal(await machine.try(["join", text]), 4, /not a join token|cut short or altered/);
    }
    expect(existsSync(machine.home)).toBe(false);
    expect(await machine.run(["join", `  ${token}\n`])).toContain("this device is altered-1");
  });

  it("with a right check and no sense in it is refused in the same words as any other text", async () => {
    const check = (body: Uint8Array) => keys.hash(concat(Buffer.from("lab/1/token-check\0"), body)).subarray(0, 4);
    for (const body of [
      Buffer.alloc(0),
      Buffer.from([0xa0]),
      Buffer.from([0xa1, 0x61, 0x76, 0x01]),
      Buffer.from("x"),
    ]) {
      const text = `lab1.${toBase64Url(concat(check(body), body))}`;
      const { exit, stderr } = await newcomer().try(["join", text]);
      expect({ exit, error: stderr.split("\n").find((line) => line.startsWith("error: ")) }).toEqual({
        exit: 4,
        error: expect.stringMatching(/not a join token|newer release/),
      });
    }
  });

  it("that has expired says since when", async () => {
    const token = await nas.token("--name", "late-1", "--ttl", "1s");
    const { expiresMs } = readToken(keys, token);
    await until("it has expired", () => Date.now() > expiresMs);
    const machine = newcomer();
    expectRefusal(await machine.try(["join", token]), 4, /the token expired \d+ (s|min) ago/);
    expect(await namesOfMembers()).not.toContain("late-1");
    await joinsWithAGoodOne(machine, "late-1");
  });

  it("for a name is not for another one, and one without a name asks for it", async () => {
    const machine = newcomer();
    const token = await nas.token("--name", "db-1");
    expectRefusal(await machine.try(["join", token, "--name", "db-2"]), 4, /the token is for "db-1"/);
    const open = await nas.token();
    expectRefusal(await machine.try(["join", open]), 4, /leaves the name open/);
    expectRefusal(await machine.try(["join", open, "--name", "nas-1"]), 4, /a server "nas-1" exists/);
    expectRefusal(await machine.try(["join", open, "--name", "Db_1"]), 2, /"Db_1" cannot be the name of a server/);
    expect(await machine.run(["join", open, "--name", "db-2"])).toContain("this device is db-2");
    expect(await newcomer().run(["join", token, "--name", "db-1"])).toContain("this device is db-1");
  });

  it("is good with a name of DNS in the place of an address, and the name goes on in reports", async () => {
    const token = readToken(keys, await nas.token("--name", "dns-1"));
    const ports = token.addresses.map((address) => /:(\d+)$/.exec(address)?.[1]);
    const machine = newcomer();
    const named = writeToken(keys, { ...token, addresses: [`localhost:${ports[0]}`] });
    expect(await machine.run(["join", named])).toContain("this device is dns-1");
    machine.agentFlags = [...machine.agentFlags, "--announce", "localhost:7444"];
    await machine.startAgent();
    await until("it is heard under its name", async () => {
      const found = (await nas.servers()).find(({ name }) => name === "dns-1");
      return (found?.["addresses"] as readonly string[] | undefined)?.[0] === "localhost:7444";
    });
    await machine.run(["agent", "stop"]);
  });

  it("of another mesh opens nothing here, and a member of this one cannot use it", async () => {
    const other = lab.machine("other-1", "bob");
    await other.found("cellar");
    const foreign = await other.token("--name", "guest-1");
    const machine = newcomer();
    await machine.run(["join", await nas.token("--name", "guest-1")]);
    expectRefusal(await machine.try(["join", foreign]), 4, /in mesh "homelab", and the token is for another mesh/);

    const [here, there] = [readToken(keys, await nas.token()), readToken(keys, foreign)];
    const stranger = newcomer();
    // Their secret at our coordinator, and our secret in the name of their mesh.
    const theirs = writeToken(keys, { ...here, id: there.id, secret: there.secret });
    expectRefusal(await stranger.try(["join", theirs]), 4, /this mesh knows no such token/);
    const misnamed = writeToken(keys, { ...here, mesh: there.mesh });
    expectRefusal(await stranger.try(["join", misnamed]), 4, /is not in the token's mesh/);
    const guessed = writeToken(keys, { ...here, secret: new Uint8Array(32) });
    expectRefusal(await stranger.try(["join", guessed]), 4, /this mesh knows no such token/);
    expect(await stranger.run(["join", foreign])).toContain("a member of mesh cellar");
  });

  it("waits for its coordinator: one that is down, one that was moved", async () => {
    const home = Lab.open();
    try {
      const [shed, attic] = [home.machine("shed-1"), home.machine("attic-1")];
      await shed.found();
      await attic.join(await shed.token("--name", "attic-1"));
      const [token, late] = [await shed.token("--name", "web-1"), await shed.token("--name", "web-2")];
      const web = home.machine("web-1", "nobody");
      await shed.killAgent();
      expectRefusal(await web.try(["join", token]), 1, /the coordinator that issued this token does not answer/);
      await shed.startAgent();
      expect(await web.run(["join", token])).toContain("this device is web-1");

      await until("attic-1 knows all", async () => (await attic.stateHash()) === (await shed.stateHash()));
      await attic.run(["coordinator", "migrate", "--target", "attic-1"]);
      await until("shed-1 is no coordinator any more", async () => {
        const old = (await shed.servers()).find(({ name }) => name === "shed-1");
        return old?.roles.includes("coordinator") === false;
      });
      const machine = home.machine("web-2", "nobody");
      expectRefusal(await machine.try(["join", late]), 4, /issued this token is no coordinator now/);
      expect(await machine.run(["join", await attic.token("--name", "web-2")])).toContain("this device is web-2");
    } finally {
      await home.close();
    }
  });
});

describe("a join that is interrupted", () => {
  let lab: Lab;
  let nas: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    await nas.found();
  });

  afterAll(() => lab.close());

  const namesOfMembers = async () => (await nas.servers()).map(({ name }) => name);

  /** The same home, the same token, however often: in the end it is a member, once. */
  async function expectMemberOnce(machine: Machine, token: string): Promise<void> {
    const { exit, stderr } = await machine.try(["join", token]);
    // The kill may have come a moment after everything was done.
    if (exit !== 0) expect(stderr).toContain(`is the home of "${machine.name}"`);
    await machine.startAgent();
    await until("it is one of the mesh", async () => (await machine.stateHash()) === (await nas.stateHash()));
    await machine.killAgent();
    const names = await namesOfMembers();
    expect(names.filter((name) => name.startsWith(machine.name))).toEqual([machine.name]);
    expect((await nas.status()).members).toBe(names.length);
  }

  const moments: readonly (readonly [when: string, reached: (machine: Machine) => boolean | Promise<boolean>])[] = [
    ["its first directory exists", ({ home }) => existsSync(home)],
    ["its first key is written", ({ home }) => existsSync(join(home, "keys/machine.key"))],
    ["its last key is written", ({ home }) => existsSync(join(home, "keys/node.key"))],
    ["the coordinator has redeemed", async ({ name }) => (await nas.servers()).some((server) => server.name === name)],
    ["its store is begun", ({ home }) => existsSync(join(home, "store"))],
    ["its store is marked", ({ home }) => existsSync(join(home, "store.tally"))],
  ];

  it.each(moments)("by the joiner's death when %s is done again by the same home", async (when, reached) => {
    const name = when.replaceAll(" ", "-").replaceAll("'", "");
    const machine = lab.machine(name, "nobody");
    const token = await nas.token("--name", name);
    const joining = machine.start(["join", token]);
    const ended = hear(joining);
    await until(when, () => reached(machine), { pollMs: 1 });
    joining.kill("SIGKILL");
    expect((await ended).exit, "killed, or done a moment before").toBeLessThan(1);
    await expectMemberOnce(machine, token);
  });

  it("between two of its keys is done again with new ones", async () => {
    const machine = lab.machine("half-1", "nobody");
    const token = await nas.token("--name", "half-1");
    expect(await machine.run(["join", await nas.token("--name", "half-2")])).toContain("this device is half-2");
    for (const path of ["home.json", "store", "store.tally", "keys/node.key"])
      rmSync(join(machine.home, path), { recursive: true });
    expectRefusal(await machine.try(["agent"]), 7, /there is no home in /);
    await expectMemberOnce(machine, token);
  });

  it("by the coordinator's death at any moment is done again when that is back", async () => {
    const machine = lab.machine("web-1", "nobody");
    const token = await nas.token("--name", "web-1");
    const before = (await nas.status()).members;
    const deaths: readonly (() => Promise<void>)[] = [
      () => until("keys are made", () => existsSync(join(machine.home, "keys/node.key")), { pollMs: 1 }),
      () => sleep(40),
      () => sleep(80),
      () => until("it is redeemed", async () => (await nas.status()).members > before, { pollMs: 1, withinMs: 5_000 }),
    ];
    for (const death of deaths) {
      const joining = machine.start(["join", token]);
      const ended = hear(joining);
      await death();
      await nas.killAgent();
      const { exit, stderr } = await ended;
      if (exit === 0) break;
      expect({ exit, stderr }).toMatchObject({ exit: 1, stderr: expect.stringContaining("does not answer") });
      await nas.startAgent();
    }
    if (!nas.isAlive) await nas.startAgent();
    await expectMemberOnce(machine, token);
  });
});
