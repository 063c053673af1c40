import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine } from "./lab.ts";

interface OperatorItem {
  readonly name: string;
  readonly key: string;
  readonly rank: number;
  readonly state: string;
}

describe("an operator's key", () => {
  let lab: Lab;
  let nas: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1", "alice");
    await nas.run(["init", "--local", "--node", "nas-1", "--recovery", "later"], { env: secret("alice", "old one") });
    await nas.startAgent();
  });

  afterAll(() => lab.close());

  /** The environment of whoever keeps a passphrase in a file. */
  function secret(name: string, passphrase: string, mode = 0o600): Record<string, string> {
    const path = join(lab.root, `${name}.${passphrase.replaceAll(" ", "-")}`);
    writeFileSync(path, `${passphrase}\n`, { mode });
    return { LAB_OPERATOR_PASSPHRASE_FILE: path };
  }

  const keyFile = (machine: Machine, name: string) =>
    JSON.parse(readFileSync(join(machine.config, `operators/${name}.json`), "utf8")) as Record<string, string>;
  const label = (name: string, env?: Record<string, string>, machine = nas) =>
    machine.try(["label", "server", "nas-1", name], env === undefined ? {} : { env });

  it("under a passphrase signs for whoever has that, and for nobody else", async () => {
    const { kind, seed, sealed = "" } = keyFile(nas, "alice");
    expect({ kind, seed }).toEqual({ kind: "ed25519-age", seed: undefined });
    expect(Buffer.from(sealed, "base64").toString("latin1")).toMatch(/^age-encryption[.]org\/v1\n-> scrypt \S+ 17\n/);
    expectRefusal(await label("quiet"), 2, /Passphrase of alice's key: nobody can be asked without a terminal/);
    expectRefusal(await label("quiet", secret("alice", "guess")), 4, /this is not the passphrase of alice's key/);
    expectRefusal(await label("quiet", secret("alice", "open one", 0o644)), 4, /can be read by everybody/);
    expectRefusal(await label("quiet", { LAB_OPERATOR_PASSPHRASE_FILE: "/nowhere" }), 2, /does not exist/);
    expect((await label("loud", secret("alice", "old one"))).exit).toBe(0);
    // Nor is a value lost by a wrong one.
    const set = (value: string, env: Record<string, string>) =>
      nas.try(["secret", "set", "db/key"], { input: value, env });
    expect((await set("before", secret("alice", "old one"))).exit).toBe(0);
    expectRefusal(await set("after", secret("alice", "guess")), 4, /this is not the passphrase of alice's key/);
    const history = await nas.json<{ items: readonly { stores: readonly string[] }[] }>("secret", "history", "db/key");
    expect(history.items.map(({ stores }) => stores)).toEqual([["nas-1"]]);
    // What is so already needs no signature, and no passphrase.
    expect((await label("loud")).stdout).toBe("no changes\n");
    expect((await nas.servers())[0]?.labels).toEqual(["coordinator", "loud", "secret-store"]);
  });

  it("takes another passphrase, none, and one again; it stays the same key, and so does the code beside it", async () => {
    const { publicKey } = keyFile(nas, "alice");
    const change = (env: Record<string, string>, ...words: string[]) =>
      nas.try(["operator", "passphrase", ...words], { env });
    const [older, newer] = [secret("alice", "old one"), secret("alice", "new one")];
    const fresh = ["--new-passphrase-file", newer["LAB_OPERATOR_PASSPHRASE_FILE"] as string];
    expectRefusal(await change(secret("alice", "guess"), ...fresh), 4, /not the passphrase/);
    expectRefusal(await change(older), 2, /New passphrase for alice's key: nobody can be asked/);
    expect((await change(older, ...fresh)).exit).toBe(0);
    expectRefusal(await label("other", older), 4, /not the passphrase/);
    expect((await label("other", newer)).exit).toBe(0);
    expect((await change(newer, "--none")).exit).toBe(0);
    expect(keyFile(nas, "alice")).toMatchObject({ kind: "ed25519", publicKey });
    expect((await label("open")).exit).toBe(0);
    expect((await change({}, ...fresh)).exit).toBe(0);
    expect(keyFile(nas, "alice")).toMatchObject({ kind: "ed25519-age", publicKey });

    const warning = "nobody has written the recovery code down";
    expect(await nas.run(["status"])).toContain(warning);
    const paper = join(lab.root, "paper.txt");
    expectRefusal(await nas.try(["operator", "recovery", "set"], { env: newer }), 2, /shown at a terminal/);
    expect((await nas.try(["operator", "recovery", "set", paper], { env: newer })).exit).toBe(0);
    expect(readFileSync(paper, "utf8").trimEnd().split("\n").at(-1)).toMatch(/^([a-z]+ ){11}[a-z]+$/);
    expect(await nas.run(["status"])).not.toContain(warning);
    expect(existsSync(join(nas.config, "operators/alice.recovery"))).toBe(false);
    const again = await nas.try(["operator", "recovery", "set", `${paper}.2`], { env: newer });
    expectRefusal(again, 2, /has a recovery code, and it is not on this device/);
  });

  it("of a second device, and of a second person, is let in by a line that holds no secret", async () => {
    const env = secret("alice", "new one");
    const desk = lab.machine("nas-1", "desk");
    const asked = await desk.try(["operator", "request", "alice"]);
    const line = asked.stdout.trim();
    expect(line).toMatch(/^ssh-ed25519 AAAA\S+ alice@[a-z0-9-]+$/);
    expect(asked.stderr).toContain(`lab operator add alice --key '${line}'`);
    expect(asked.stderr).toMatch(/key SHA256:\S{43}\n/);
    expect((await desk.run(["operator", "request", "alice"])).trim()).toBe(line);
    expectRefusal(await label("desk", {}, desk), 4, /the key of alice is no operator in mesh homelab/);

    const add = (...words: string[]) => nas.try(["operator", "add", ...words], { env });
    expectRefusal(await add("alice"), 2, /which key/);
    expectRefusal(await add("alice", "--key", "ssh-rsa AAAA x"), 2, /type ssh-rsa cannot be used/);
    expectRefusal(await add("alice", "--key", line, "--rank", "0"), 2, /--rank cannot be "0"/);
    expectRefusal(await add("alice", "--key", line, "--rights", "amdin"), 2, /there is no right "amdin"/);
    const added = await add("alice", "--key", line, "--device", "desk");
    expect(added.stdout).toMatch(/^\+ operator alice key SHA256:\S{43}\n$/);
    expect(added.stderr).toContain("alice has 2 keys now");
    expectRefusal(await add("alice", "--key", line), 2, /this key is alice's already, with rank 2/);
    expect((await label("desk", {}, desk)).exit).toBe(0);

    const bob = lab.machine("nas-1", "bob");
    const request = join(lab.root, "bob.pub");
    writeFileSync(request, await bob.run(["operator", "request", "bob"]));
    expect((await add("bob", "--key", request, "--rights", "ops", "--need", "destroy=2")).exit).toBe(0);
    expect((await label("bobs", {}, bob)).exit).toBe(0);
    expectRefusal(await bob.try(["token", "create"]), 4, /the key of bob has no right "admin"/);
    const { items } = await nas.json<{ items: readonly OperatorItem[] }>("operator", "list");
    expect(items.map(({ name, rank, state }) => ({ name, rank, state }))).toEqual([
      { name: "alice", rank: 1, state: "live" },
      { name: "alice", rank: 2, state: "live" },
      { name: "bob", rank: 2, state: "live" },
    ]);
  });
});

const noAgent = existsSync("/usr/bin/ssh-agent") ? "" : " (skipped: ssh-agent is not installed)";

describe.skipIf(noAgent !== "")(`an operator's key in a real ssh-agent${noAgent}`, () => {
  let lab: Lab;
  let nas: Machine;
  let env: Record<string, string>;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1", "alice");
    const said = execFileSync("ssh-agent", ["-a", join(lab.root, "agent.sock")], { encoding: "utf8" });
    lab.track(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
    env = { SSH_AUTH_SOCK: join(lab.root, "agent.sock") };
    for (const name of ["laptop", "other"]) {
      const file = join(lab.root, name);
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", `alice@${name}`, "-f", file]);
      execFileSync("ssh-add", ["-q", file], { env: { ...process.env, ...env }, stdio: "pipe" });
    }
  });

  afterAll(() => lab.close());

  it("founds a mesh and signs everything, while the agent has it", async () => {
    const init = (wish: string, with_ = env) =>
      nas.try(["init", "--local", "--node", "nas-1", "--no-recovery", "--ssh-agent", wish], { env: with_ });
    expectRefusal(await init("alice@laptop", {}), 4, /in an SSH agent, and none runs here/);
    expectRefusal(await init("alice@laptop", { SSH_AUTH_SOCK: join(lab.root, "none") }), 4, /no SSH agent answers/);
    expectRefusal(await init("bob"), 5, /the SSH agent has no Ed25519 key "bob"/);
    const made = await init("alice@laptop");
    expect({ exit: made.exit, stderr: made.stderr }).toEqual({ exit: 0, stderr: expect.any(String) });
    await nas.startAgent();
    expect(await nas.run(["label", "server", "nas-1", "web"], { env })).toBe("+ server nas-1 label web\n");
    expect(await nas.run(["token", "create", "--name", "web-1"], { env })).toMatch(/^lab1[.]/);
    expectRefusal(await nas.try(["label", "server", "nas-1", "db"]), 4, /SSH_AUTH_SOCK is not set/);
    execFileSync("ssh-add", ["-q", "-d", join(lab.root, "laptop")], { env: { ...process.env, ...env }, stdio: "pipe" });
    expectRefusal(await nas.try(["label", "server", "nas-1", "db"], { env }), 4, /has not got the operator's key/);
  });
});
