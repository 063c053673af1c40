import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

/* Who may do what, taken away and given back, by real commands at real agents. */

const REVOKE_TARGET_MS = 2_000;

interface OperatorItem {
  readonly name: string;
  readonly id: string;
  readonly rank: number;
  readonly state: string;
}

const operators = async (machine: Machine) =>
  (await machine.json<{ items: readonly OperatorItem[] }>("get", "operators")).items.map(
    ({ name, rank, state }) => `${name} ${rank} ${state}`,
  );

/** The labels of a machine, as another one sees them. */
const labelsOf = async (seenBy: Machine, name: string) =>
  (await seenBy.servers()).find((server) => server.name === name)?.labels ?? [];

describe("alice removes bob", () => {
  let lab: Lab;
  let nas: Machine;
  let desk: Machine;
  let bob: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1", "alice");
    desk = lab.machine("desk", "alice");
    bob = lab.machine("desk", "bob");
    await nas.found();
    await desk.join(await nas.token("--name", "desk"));
    await until("desk hears nas-1", async () => (await desk.status()).online === 2);
    const line = (await bob.run(["operator", "request", "bob"])).trim();
    await nas.run(["operator", "add", "bob", "--key", line, "--device", "desk"]);
    await until("bob's grant is at desk", async () => (await operators(desk)).length === 2);
    await bob.run(["label", "server", "nas-1", "early"]);
    await until("what bob wrote is at nas-1", async () => (await labelsOf(nas, "nas-1")).includes("early"));
  });

  afterAll(() => lab.close());

  it("and not bob alice, nor anybody the last one", async () => {
    expectRefusal(await bob.try(["operator", "remove", "alice"]), 4, /only a smaller rank/);
    expectRefusal(await nas.try(["operator", "remove", "alice"]), 4, /no key removes itself/);
    expectRefusal(await nas.try(["operator", "remove", "carol"]), 5, /no live key is carol's/);
    expectRefusal(await nas.try(["operator", "remove", "bob", "--key", "phone"]), 5, /bob has no key "phone"/);
  });

  it("keeps what anybody has of him; what he wrote unheard is void wherever it arrives", async () => {
    await nas.killAgent();
    await bob.run(["label", "server", "nas-1", "late"]);
    await desk.killAgent();
    await nas.startAgent();
    const removed = await nas.try(["operator", "remove", "bob", "--reason", "left"]);
    expect(removed).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^- operator bob key SHA256:\S+\n$/) });
    expect(removed.stderr).toMatch(/does not answer: desk/);
    expect(removed.stderr).toMatch(/signing as alice: remove key [0-9a-f]{12}: left/);
    expect(await operators(nas)).toEqual(["alice 1 live", "bob 2 cut"]);
    expect(await labelsOf(nas, "nas-1")).toContain("early");

    await desk.startAgent();
    await until("both know the same", async () => (await desk.stateHash()) === (await nas.stateHash()));
    expect(await labelsOf(desk, "nas-1")).not.toContain("late");
    expect(await labelsOf(desk, "nas-1")).toContain("early");
    expectRefusal(await bob.try(["label", "server", "nas-1", "more"]), 4, /the key of bob is no operator/);
  });

  it("until alice adopts it, or puts it aside", async () => {
    const listed = await nas.run(["audit", "adopt", "--no-headers"]);
    expect(listed).toMatch(/^[0-9a-f]{12} +bob +write +server\/nas-1\/late +\S+ \S+\n$/);
    expect((await nas.status())["warnings"]).toContainEqual(expect.stringMatching(/1 signed thing.* void/));
    expectRefusal(await nas.try(["audit", "adopt", "ffffff"]), 5, /nothing that begins with ffffff/);
    const [entry = ""] = listed.split(" ");
    const adopted = await nas.try(["audit", "adopt", entry]);
    expect(adopted).toMatchObject({ exit: 0, stdout: `+ write server/nas-1/late (${entry} by bob)\n` });
    expect(await labelsOf(nas, "nas-1")).toContain("late");
    expect(await nas.run(["audit", "adopt", "--no-headers"])).toBe("");
  });

  it("deeper, from an entry on: what would be void is told first, and needs a yes", async () => {
    const carol = lab.machine("nas-1", "carol");
    const line = (await carol.run(["operator", "request", "carol"])).trim();
    await nas.run(["operator", "add", "carol", "--key", line]);
    await carol.run(["label", "server", "nas-1", "odd"]);
    const asked = await nas.try(["operator", "remove", "carol", "--from", "1h"]);
    expectRefusal(asked, 2, /Remove operator carol\? Nothing was signed/);
    expect(asked.stderr).toContain("void: carol: server/nas-1/odd");
    await nas.run(["operator", "remove", "carol", "--from", "1h", "--yes"]);
    expect(await labelsOf(nas, "nas-1")).not.toContain("odd");
    await nas.run(["audit", "adopt", "--dismiss", "--all"]);
    expect(await nas.run(["audit", "adopt", "-o", "name"])).toBe("");
    expect(await labelsOf(nas, "nas-1")).not.toContain("odd");
  });
});

describe("a revoked machine", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let others: readonly Machine[];

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    web = lab.machine("web-1");
    others = ["web-2", "web-3"].map((name) => lab.machine(name));
    await nas.found();
    for (const machine of [web, ...others]) await machine.join(await nas.token("--name", machine.name));
    for (const machine of [nas, web, ...others]) {
      await until(`${machine.name} hears all`, async () => (await machine.status()).online === 4);
    }
  });

  afterAll(() => lab.close());

  const peersOf = async (machine: Machine) => {
    const { items } = await machine.json<{ items: readonly { name: string }[] }>("get", "peers");
    return items.map(({ name }) => name);
  };

  it(`is refused by every reachable peer within ${REVOKE_TARGET_MS} ms`, async () => {
    await nas.run(["label", "server", "web-1", "secret-store"]);
    const revoked = nas.try(["identity", "revoke", "web-1", "--reason", "stolen"]);
    await until("nas-1 has signed it", async () => (await statusOf(nas, "web-1")) === "revoked");
    const startMs = performance.now();
    for (const machine of others) {
      await until(`${machine.name} refuses it`, async () => (await statusOf(machine, "web-1")) === "revoked");
    }
    const elapsedMs = performance.now() - startMs;
    expect(await revoked).toMatchObject({ exit: 0, stdout: expect.stringContaining("- server web-1 identity") });
    expect(elapsedMs).toBeLessThan(REVOKE_TARGET_MS);
    for (const machine of [nas, ...others]) expect(await peersOf(machine)).not.toContain("web-1");
    // It has heard of it, too: `removed.test.ts` tells what it does.
    expect((await web.agentEnds).exit).toBe(4);
  });
});

function isEnrolled(server: { readonly [field: string]: unknown }): boolean {
  return (server["identity"] as { readonly detail: string }).detail === "enrolled";
}

async function statusOf(machine: Machine, name: string): Promise<string> {
  const server = (await machine.servers()).find((one) => one.name === name);
  return (server?.["identity"] as { readonly detail: string } | undefined)?.detail ?? "";
}

describe("a machine whose token became void", () => {
  let lab: Lab;

  beforeAll(() => {
    lab = Lab.open();
  });

  afterAll(() => lab.close());

  it("is told before, leaves, and is enrolled again with the same key by one command", async () => {
    const nas = lab.machine("nas-1", "alice");
    const bob = lab.machine("nas-1", "bob");
    const web = lab.machine("web-1", "nobody");
    await nas.found();
    const line = (await bob.run(["operator", "request", "bob"])).trim();
    await nas.run(["operator", "add", "bob", "--key", line]);
    await web.join((await bob.run(["token", "create", "--name", "web-1", "--labels", "web", "--region", "eu"])).trim());
    await until(
      "both hear each other",
      async () => (await nas.status()).online === 2 && (await web.status()).online === 2,
    );
    const [before] = (await nas.servers()).filter(({ name }) => name === "web-1");

    const asked = await nas.try(["operator", "remove", "bob", "--from", "1h"]);
    expectRefusal(asked, 2, /leaving the mesh with it: web-1/);
    await nas.run(["operator", "remove", "bob", "--from", "1h", "--yes"]);
    expect((await nas.servers()).map(({ name }) => name)).toEqual(["nas-1"]);
    const rows = (await nas.run(["audit", "adopt", "--no-headers"])).trimEnd().split("\n");
    const redeemed = rows.find((row) => row.includes("redeem")) ?? "";
    expect(redeemed).toMatch(/redeem +server:web-1/);
    await nas.run(["audit", "adopt", redeemed.split(" ")[0] ?? ""]);
    await until("web-1 is heard again", async () => (await nas.status()).online === 2);
    await until("web-1 tells where it listens", async () => {
      const web1 = (await nas.servers()).find(({ name }) => name === "web-1");
      return (web1?.["addresses"] as readonly string[] | undefined)?.length === 1;
    });
    const [after] = (await nas.servers()).filter(({ name }) => name === "web-1");
    expect(after?.["key"]).toBe(before?.["key"]);
    expect(after?.id).not.toBe(before?.id);
    expect({ labels: after?.labels, region: after?.["region"] }).toEqual({ labels: ["web"], region: "eu" });
  });
});

describe("a token that was revoked", () => {
  let lab: Lab;

  beforeAll(() => {
    lab = Lab.open();
  });

  afterAll(() => lab.close());

  it("lets nobody in, and one that was used is beyond it", async () => {
    const nas = lab.machine("nas-1");
    const web = lab.machine("web-1");
    await nas.found();
    const tokens = async () =>
      (await nas.json<{ items: readonly { id: string; status: string }[] }>("get", "tokens")).items;
    const token = await nas.token("--name", "web-1");
    const [first] = await tokens();
    expect(await nas.run(["token", "revoke", first?.id ?? ""])).toBe(`- token ${first?.id} (web-1)\n`);
    expect((await tokens())[0]?.status).toBe("revoked");
    expect(await nas.run(["token", "revoke", first?.id ?? ""])).toBe("no changes\n");
    expectRefusal(await web.try(["join", token]), 4, /the token was revoked/);
    await web.join(await nas.token("--name", "web-1"));
    const used = (await tokens()).find(({ status }) => status === "redeemed");
    expectRefusal(await nas.try(["token", "revoke", used?.id ?? ""]), 2, /lab identity revoke web-1/);
    expectRefusal(await nas.try(["token", "revoke", "ffffffff"]), 5, /token "ffffffff" does not exist/);
  });
});

describe("two founders", () => {
  let lab: Lab;
  let alice: Machine;
  let bob: Machine;
  let carol: Machine;
  let paper: string;

  beforeAll(async () => {
    lab = Lab.open();
    [alice, bob, carol] = ["alice", "bob", "carol"].map((name) => lab.machine("nas-1", name)) as [
      Machine,
      Machine,
      Machine,
    ];
    paper = join(lab.root, "paper.txt");
    await alice.run(["init", "--local", "--node", "nas-1", "--recovery", paper]);
    await alice.startAgent();
    const line = (await bob.run(["operator", "request", "bob"])).trim();
    await alice.run(["operator", "add", "bob", "--key", line, "--rank", "1"]);
  });

  afterAll(() => lab.close());

  it("change what needs two signatures with the root of the mesh only", async () => {
    const threshold = (...more: string[]) => alice.try(["operator", "threshold", "admin", ...more]);
    expectRefusal(await threshold("2"), 4, /only a smaller rank can/);
    expectRefusal(await threshold("3", "--code", paper), 2, /3 signatures, and only 2 key/);
    expectRefusal(await alice.try(["operator", "threshold", "ops", "2"]), 2, /ops/);
    expectRefusal(await alice.try(["operator", "remove", "bob"]), 4, /rank 1/);
    const changed = await threshold("2", "--code", paper);
    expect({ exit: changed.exit, lines: changed.stdout.split("\n").length - 1 }).toEqual({ exit: 0, lines: 2 });
    expect(changed.stdout).toMatch(/^~ operator alice [0-9a-f]{12} need admin 1 → 2$/m);
    expect(await operators(alice)).toEqual(["alice 1 live", "alice 1 cut", "bob 1 live", "bob 1 cut"]);
    expect(await threshold("2", "--code", paper)).toMatchObject({ exit: 0, stdout: "no changes\n" });
  });

  it("need two signatures for an act of authority, and one for desired state", async () => {
    const line = (await carol.run(["operator", "request", "carol"])).trim();
    const added = await alice.try(["operator", "add", "carol", "--key", line]);
    expect(added).toMatchObject({ exit: 0, stderr: expect.stringContaining("it takes 2 signatures and has this one") });
    const [, entry = ""] = /lab approve ([0-9a-f]{12})/.exec(added.stderr) ?? [];
    expect(await operators(alice)).not.toContain("carol 2 live");
    expect(await bob.run(["get", "approvals", "--no-headers"])).toMatch(
      new RegExp(`^${entry} +grant +operator:carol +alice +1 more\n$`),
    );
    expect((await alice.try(["approve", entry])).stderr).toContain("has signed it already; it waits for 1 more");
    expect((await alice.status())["warnings"]).toContain("1 act(s) wait for more signatures: lab get approvals");
    expectRefusal(await carol.try(["approve", entry]), 4, /the key of carol is no operator/);
    const approved = await bob.try(["approve", entry]);
    expect(approved).toMatchObject({ exit: 0, stderr: expect.stringContaining("has all its signatures") });
    expect(approved.stderr).toContain("alice wants: let operator carol");
    expect(await operators(alice)).toContain("carol 2 live");
    expectRefusal(await bob.try(["approve", entry]), 5, /has all its signatures/);
    await alice.run(["label", "server", "nas-1", "web"]);
    expect(await labelsOf(alice, "nas-1")).toContain("web");
  });

  it("are told what a token and a coordinator's move wait for, and how they go on", async () => {
    const made = await alice.try(["token", "create", "--name", "web-1"]);
    expect(made).toMatchObject({ exit: 0, stderr: expect.stringContaining("until then this token lets nobody in") });
    const web = lab.machine("web-1", "nobody");
    expectRefusal(await web.try(["join", made.stdout.trim()]), 4, /this mesh knows no such token/);
    const approve = async (said: string) => bob.run(["approve", /lab approve ([0-9a-f]{12})/.exec(said)?.[1] ?? ""]);
    await approve(made.stderr);
    await web.join(made.stdout.trim());
    await until("web-1 is heard", async () => (await alice.status()).online === 2);

    const migrate = () => alice.try(["coordinator", "migrate", "--target", "web-1"]);
    const given = await migrate();
    expect(given).toMatchObject({ exit: 4, stderr: expect.stringContaining("web-1 has no coordinator's role before") });
    await approve(given.stderr);
    const taken = await migrate();
    expect(taken).toMatchObject({ exit: 4, stderr: expect.stringContaining("nas-1 keeps the coordinator's role") });
    await approve(taken.stderr);
    expect(await migrate()).toMatchObject({ exit: 0, stdout: "web-1 is the only coordinator already\n" });
  });

  it("hear no junior's signature", async () => {
    const dave = lab.machine("nas-1", "dave");
    const line = (await dave.run(["operator", "request", "dave"])).trim();
    const added = await alice.try(["operator", "add", "dave", "--key", line, "--rank", "5"]);
    const [, entry = ""] = /lab approve ([0-9a-f]{12})/.exec(added.stderr) ?? [];
    expectRefusal(await carol.try(["approve", entry]), 4, /your key has rank 2, and alice signed this with rank 1/);
  });
});

describe("a founder's key that was stolen", () => {
  let lab: Lab;
  let alice: Machine;
  let thief: Machine;
  let paper: string;

  beforeAll(async () => {
    lab = Lab.open();
    alice = lab.machine("nas-1", "alice");
    thief = lab.machine("nas-1", "thief");
    paper = join(lab.root, "paper.txt");
    await alice.run(["init", "--local", "--node", "nas-1", "--recovery", paper]);
    await alice.startAgent();
    await alice.run(["label", "server", "nas-1", "good"]);
    cpSync(alice.config, thief.config, { recursive: true });
  });

  afterAll(() => lab.close());

  it("is replaced with the recovery code at any member, and what the thief signed is void", async () => {
    const alone = await alice.try(["operator", "remove", "alice", "--code", paper]);
    expectRefusal(alone, 2, /last operator who may administer/);
    const stolen = new Date().toISOString();
    const mallory = lab.machine("nas-1", "mallory");
    const line = (await mallory.run(["operator", "request", "mallory"])).trim();
    await thief.run(["operator", "add", "mallory", "--key", line, "--rank", "1"]);
    await mallory.run(["label", "server", "nas-1", "evil"]);
    expect(await labelsOf(alice, "nas-1")).toContain("evil");

    const recover = (...more: string[]) => alice.try(["operator", "recover", "--from", stolen, ...more]);
    const wrong = join(lab.root, "wrong.txt");
    writeFileSync(wrong, `${"abandon ".repeat(11)}about\n`);
    expectRefusal(await recover("--code", wrong), 4, /the key of root is no operator in mesh homelab/);
    writeFileSync(wrong, `${"abandon ".repeat(12)}\n`);
    expectRefusal(await recover("--code", wrong), 2, /not a recovery code/);
    const keyFile = join(alice.config, "operators/alice.json");
    const before = readFileSync(keyFile, "utf8");
    const asked = await recover("--code", paper);
    expectRefusal(asked, 2, /Remove the old key of alice\? Nothing was signed/);
    expect(asked.stderr).toMatch(/void: alice: let operator mallory/);
    expect(readFileSync(keyFile, "utf8")).toBe(before);

    const done = await recover("--code", paper, "--yes");
    expect(done).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^- operator alice key .+\n[+] operator alice/),
    });
    expect(readFileSync(keyFile, "utf8")).not.toBe(before);
    expect(readdirSync(join(alice.config, "operators")).filter((name) => name.includes("replaced"))).toHaveLength(2);
    expect(await operators(alice)).toEqual(["alice 1 live", "alice 1 cut"]);
    expect(await labelsOf(alice, "nas-1")).toEqual(["coordinator", "good", "secret-store"]);
    expectRefusal(await thief.try(["label", "server", "nas-1", "evil"]), 4, /the key of alice is no operator/);
    expectRefusal(await mallory.try(["label", "server", "nas-1", "evil"]), 4, /the key of mallory is no operator/);
    await alice.run(["label", "server", "nas-1", "better"]);
    expect(await labelsOf(alice, "nas-1")).toContain("better");
  });
});

const noKeygen = existsSync("/usr/bin/ssh-keygen") ? "" : " (skipped: ssh-keygen is not installed)";

describe.skipIf(noKeygen !== "")(`a key that never meets the network${noKeygen}`, () => {
  let lab: Lab;
  let alice: Machine;
  let bob: Machine;
  let carol: string;

  beforeAll(async () => {
    lab = Lab.open();
    alice = lab.machine("nas-1", "alice");
    bob = lab.machine("nas-1", "bob");
    await alice.found();
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bob@vault", "-f", join(lab.root, "vault-key")]);
    const line = (await bob.run(["operator", "request", "bob", "--elsewhere", join(lab.root, "vault-key.pub")])).trim();
    await alice.run(["operator", "add", "bob", "--key", line]);
    carol = (await lab.machine("nas-1", "carol").run(["operator", "request", "carol"])).trim();
  });

  afterAll(() => lab.close());

  const sshSign = (file: string, namespace: string) => {
    rmSync(`${file}.sig`, { force: true });
    execFileSync("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f", join(lab.root, "vault-key"), file], {
      stdio: "pipe",
    });
  };

  it("signs orders with plain ssh-keygen, and any member takes them", async () => {
    const order = join(lab.root, "order");
    expectRefusal(
      await bob.try(["operator", "add", "carol", "--key", carol]),
      4,
      /the key of bob is on another machine/,
    );
    const written = await bob.try(["operator", "add", "carol", "--key", carol, "--out", order]);
    expect(written).toMatchObject({ exit: 0, stdout: "", stderr: expect.stringContaining("let operator carol") });
    expect(written.stderr).toContain(`ssh-keygen -Y sign -n lab@authority -f KEY ${order}`);

    const submit = (...more: string[]) => alice.try(["submit", order, ...more]);
    expectRefusal(await submit(), 2, /order[.]sig cannot be read/);
    sshSign(order, "file");
    expectRefusal(await submit(), 4, /its namespace is file, not lab@authority/);
    sshSign(order, "lab@authority");
    const forged = `${order}.forged`;
    writeFileSync(
      forged,
      readFileSync(order).map((byte, at, all) => (at === all.length - 1 ? byte ^ 1 : byte)),
    );
    expectRefusal(
      await alice.try(["submit", forged, "--signature", `${order}.sig`]),
      4,
      /it is over other bytes|not an order/,
    );
    expect(await operators(alice)).not.toContain("carol 3 live");
    const taken = await submit();
    expect(taken).toMatchObject({ exit: 0, stdout: `✓ ${order} was taken\n` });
    expect(taken.stderr).toContain("let operator carol");
    expect(await operators(alice)).toContain("carol 3 live");
    expect((await submit()).stdout).toBe(`✓ ${order} was here already\n`);
  });

  it("or with lab sign on a machine that has nothing but the key", async () => {
    const order = join(lab.root, "cut");
    expect((await alice.try(["operator", "remove", "carol", "--out", order])).exit).toBe(0);
    const vault = lab.machine("vault", "alice");
    expectRefusal(await lab.machine("vault", "carol").try(["sign", order]), 4, /that key is not here/);
    expect(await vault.try(["sign", order])).toMatchObject({
      exit: 0,
      stdout: `✓ ${order}.sig\n`,
      stderr: expect.stringMatching(/cut: remove key [0-9a-f]{12}\n {2}as SHA256:/),
    });
    await bob.run(["submit", order]);
    expect(await operators(alice)).toContain("carol 3 cut");
  });
});

describe("a machine on its way out", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1", "alice");
    // Nobody operates there.
    web = lab.machine("web-1", "nobody");
    await nas.found();
    await web.join(await nas.token("--name", "web-1", "--labels", "web,prod"));
    await until(
      "both hear each other",
      async () => (await nas.status()).online === 2 && (await web.status()).online === 2,
    );
  });

  afterAll(() => lab.close());

  it("comes back under a new key with its labels, and without its old roles", async () => {
    await nas.run(["label", "server", "web-1", "secret-store"]);
    const before = (await nas.servers()).find(({ name }) => name === "web-1");
    expectRefusal(await nas.try(["identity", "renew", "nas-1"]), 5, /no machine is coordinator/);
    const renewed = await nas.try(["identity", "renew", "web-1"]);
    expect(renewed).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^lab1[.]\S+\n$/) });
    expect(await statusOf(nas, "web-1")).toBe("revoked");
    expectRefusal(await web.try(["leave", "--force"]), 2, /Delete the keys/);
    await web.run(["leave", "--force", "--yes"]);
    expect(existsSync(join(web.home, "keys"))).toBe(false);
    await web.join(renewed.stdout.trim());
    const active = async () => (await nas.servers()).find((server) => server.name === "web-1" && isEnrolled(server));
    await until("nas-1 has it as a member", async () => (await active()) !== undefined);
    expect((await active())?.labels).toEqual(["prod", "web"]);
    expect((await active())?.id).not.toBe(before?.id);
  });

  it("for good is retired, unless a role would go with it; its name is free then", async () => {
    expectRefusal(await nas.try(["retire", "server", "nas-1"]), 8, /nas-1 is the only coordinator/);
    expectRefusal(await web.try(["leave", "--yes"]), 8, /web-1 is a member for everybody else/);
    expect(await nas.run(["retire", "server", "web-1"])).toMatch(
      /^- server web-1 identity [0-9a-f]{12} \(retired\)\n$/,
    );
    expect((await nas.status()).members).toBe(1);
    await web.run(["leave", "--force", "--yes"]);
    await web.join(await nas.token("--name", "web-1"));
    await until("it is in again", async () => (await nas.status()).members === 2);
    const again = (await nas.servers()).find((server) => server.name === "web-1" && isEnrolled(server));
    expect(again?.labels).toEqual([]);
  });

  it("by itself is retired first, where its operator is", async () => {
    const desk = lab.machine("desk", "alice");
    await desk.join(await nas.token("--name", "desk"));
    await until("nas-1 hears it", async () => (await nas.status()).online === 3);
    await desk.run(["leave", "--yes"]);
    await until("nas-1 knows that it left", async () => (await statusOf(nas, "desk")) === "revoked");
    expect(desk.isAlive).toBe(false);
  });
});

describe("the audit", () => {
  let lab: Lab;
  let nas: Machine;
  let file: string;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1", "alice");
    const web = lab.machine("web-1", "nobody");
    await nas.found();
    await web.join(await nas.token("--name", "web-1"));
    await until(
      "both hear each other",
      async () => (await nas.status()).online === 2 && (await web.status()).online === 2,
    );
    for (const label of ["one", "two", "three"]) await nas.run(["label", "server", "web-1", label]);
    file = join(lab.root, "audit.jsonl");
  });

  afterAll(() => lab.close());

  it("holds, compared with what every member has", async () => {
    const verified = await nas.try(["audit", "verify"]);
    expect(verified).toMatchObject({
      exit: 0,
      stdout: "",
      stderr: expect.stringMatching(/✓ \d+ entries of \d+ logs hold; compared with web-1/),
    });
  });

  it("names a tail that this device remembers and nobody has any more", async () => {
    const [name = ""] = readdirSync(join(nas.config, "audit-heads"));
    const path = join(nas.config, "audit-heads", name);
    const heads = JSON.parse(readFileSync(path, "utf8")) as {
      author: string;
      class: number;
      seq: number;
      hash: string;
    }[];
    const ledger = heads.find((head) => head.class === 1) as (typeof heads)[number];
    writeFileSync(path, JSON.stringify([{ ...ledger, seq: ledger.seq + 2, hash: "ab".repeat(32) }]));
    const verified = await nas.try(["audit", "verify", "--no-headers"]);
    expect(verified.exit).toBe(1);
    const range = `${ledger.seq + 1}–${ledger.seq + 2}`;
    expect(verified.stdout).toMatch(
      new RegExp(`^operator:alice +desired +${range} +✗ missing +is missing; seen by the asking device\n$`),
    );
    rmSync(path);
  });

  it("can be carried away, and every edit, cut and move in the file is named by author and number", async () => {
    await nas.run(["audit", "export", "--out", file]);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    const verify = async (changed: readonly string[]) => {
      writeFileSync(file, `${changed.join("\n")}\n`);
      const { exit, stdout } = await lab
        .machine("nowhere", "nobody")
        .try(["audit", "verify", "--file", file, "--no-headers"]);
      return {
        exit,
        lines: stdout
          .split("\n")
          .map((line) => line.trim().replaceAll(/ +/g, " "))
          .filter((line) => line !== ""),
      };
    };
    expect(await verify(lines)).toEqual({ exit: 0, lines: [] });
    const isAlices = (line: string) => (JSON.parse(line) as { class?: number; author?: string }).class === 1;
    const places = lines.flatMap((line, i) => (isAlices(line) ? [i] : []));
    const [first = 0, second = 0] = places.slice(-3);
    const last = places.at(-1) ?? 0;
    const seqOf = (i: number) => (JSON.parse(lines[i] ?? "") as { seq: number }).seq;
    expect(await verify(lines.filter((_, i) => i !== last))).toEqual({
      exit: 1,
      lines: [`operator:alice desired ${seqOf(last)} ✗ missing`],
    });
    expect(
      await verify(lines.map((line, i) => (i === first ? lines[second] : i === second ? lines[first] : line) ?? "")),
    ).toEqual({
      exit: 1,
      lines: [`operator:alice desired ${seqOf(first)} ✗ moved`],
    });
    const entry = JSON.parse(lines[second] ?? "") as { entry: string };
    const altered = { ...entry, entry: entry.entry.replace(/.{10}$/, "AAAAAAAAAA") };
    const flaws = await verify(lines.map((line, i) => (i === second ? JSON.stringify(altered) : line)));
    expect(flaws.exit).toBe(1);
    expect(flaws.lines).toContain(`operator:alice desired ${seqOf(second)} ✗ edited`);
  });
});
