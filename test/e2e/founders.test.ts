import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, type Heard, Lab, type Machine, until } from "./lab.ts";

interface OperatorItem {
  readonly name: string;
  readonly rank: number;
  readonly state: string;
}

const operators = async (machine: Machine) =>
  (await machine.json<{ items: readonly OperatorItem[] }>("get", "operators")).items.map(
    ({ name, rank, state }) => `${name} ${rank} ${state}`,
  );

describe("three equals", () => {
  let lab: Lab;
  let alice: Machine;
  let bob: Machine;
  let carol: Machine;
  let draft: string;
  let carolsKey: string;
  let passphrase: Record<string, string>;
  /** Of bob, whose key an ssh-agent holds; where there is none it lies in a file. */
  let env: Record<string, string> = {};
  let bobs: readonly string[] = [];

  beforeAll(() => {
    lab = Lab.open();
    [alice, bob] = [lab.machine("nas-1", "alice"), lab.machine("desk", "bob")];
    // Her key lies where there is nothing but OpenSSH; the directory is that of the machine at which she works.
    carol = lab.machine("nas-1", "carol");
    draft = join(lab.root, "attic.draft");
    carolsKey = join(lab.root, "carols-key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "carol@vault", "-f", carolsKey]);
    const path = join(lab.root, "words");
    writeFileSync(path, "correct horse\n", { mode: 0o600 });
    if (existsSync("/usr/bin/ssh-agent")) {
      env = { SSH_AUTH_SOCK: join(lab.root, "agent.sock") };
      bobs = ["--ssh-agent", "bob@desk"];
      const said = execFileSync("ssh-agent", ["-a", join(lab.root, "agent.sock")], { encoding: "utf8" });
      lab.track(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
      const file = join(lab.root, "bobs-key");
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bob@desk", "-f", file]);
      execFileSync("ssh-add", ["-q", file], { env: { ...process.env, ...env }, stdio: "pipe" });
    }
    passphrase = { LAB_OPERATOR_PASSPHRASE_FILE: path };
  });

  afterAll(() => lab.close());

  const carolSigns = (file: string) =>
    execFileSync("ssh-keygen", ["-Y", "sign", "-n", "lab@authority", "-f", carolsKey, file], { stdio: "pipe" });
  const digitsOf = ({ stderr }: Heard) => /^ {2}((?:[0-9a-f]{4} ){7}[0-9a-f]{4})$/m.exec(stderr)?.[1];
  /** Of what somebody has signed and waits. */
  const waiting = async () => (await alice.run(["get", "approvals", "-o", "name"])).trim().replace(/^.*\//, "");

  it("write what all of them have to sign; a part of them that is no majority cannot be root", async () => {
    const line = (await bob.run(["operator", "request", "bob", "--founding", ...bobs], { env })).trim();
    expect((await bob.run(["operator", "request", "bob", "--founding", ...bobs], { env })).trim()).toBe(line);
    const words = ["init", "--local", "--name", "attic", "--founder", `bob=${line}`];
    const all = [...words, "--founder", `carol=${carolsKey}.pub`];
    expectRefusal(await alice.try([...all, "--root", "1", "--out", draft]), 2, /1 of 3 is no majority/);
    expectRefusal(await alice.try([...all, "--out", draft]), 2, /how many founders together are root/);
    expectRefusal(await alice.try([...all, "--root", "2"]), 2, /all founders sign one file: where to/);
    expectRefusal(
      await alice.try([...all, "--root", "2", "--recovery", "later", "--out", draft]),
      2,
      /for one founder/,
    );
    const made = await alice.try([...all, "--root", "2", "--out", draft], { env: passphrase });
    expect(made.exit).toBe(0);
    expect(made.stderr).toContain("any 2 of 3 founders together are its root");
    expect(digitsOf(made)).toMatch(/^[0-9a-f]/);
    expectRefusal(
      await alice.try(["init", "--local", "--from", draft], { env: passphrase }),
      4,
      /bob and carol is missing/,
    );
  });

  it("sign it when all have the same digits, and nothing is founded while one has not", async () => {
    const asked = await bob.try(["sign", draft]);
    expectRefusal(asked, 2, /Do all founders have these digits\? Nothing was signed/);
    const signed = await bob.try(["sign", draft, "--yes"], { env });
    expect(signed).toMatchObject({ exit: 0, stdout: `✓ ${draft}.bob.sig\n` });
    expect(readFileSync(`${draft}.bob.sig`, "utf8")).toContain("BEGIN SSH SIGNATURE");
    // Another draft has other digits, and bob's signature is none under it.
    const line = (await bob.run(["operator", "request", "bob", "--founding", ...bobs], { env })).trim();
    const other = `${draft}.other`;
    const two = ["init", "--local", "--founder", `bob=${line}`, "--root", "2", "--out", other];
    const second = await alice.try(two, { env: passphrase });
    expect([digitsOf(signed) === digitsOf(asked), digitsOf(signed) === digitsOf(second)]).toEqual([true, false]);
    const mixed = ["init", "--local", "--from", other, "--signature", `${draft}.bob.sig`, "--yes"];
    expectRefusal(await alice.try(mixed, { env: passphrase }), 4, /bob signed something else/);

    const from = ["init", "--local", "--node", "nas-1", "--from", draft, "--yes"];
    expectRefusal(await alice.try(from, { env: passphrase }), 4, /the signature of carol is missing/);
    const told = await carol.try(["sign", draft]);
    expectRefusal(told, 4, /no founder's key is on this device/);
    expect(digitsOf(told)).toBe(digitsOf(signed));
    carolSigns(draft);
    const founded = await alice.try(from, { env: passphrase });
    expect(founded).toMatchObject({ exit: 0, stdout: expect.stringContaining("✓ mesh attic (") });
    await alice.startAgent();
    expectRefusal(await alice.try(["submit", draft]), 2, /founds a mesh: there is no member yet/);
    expect(await operators(alice)).toEqual(["alice 1 live", "bob 1 live", "carol 1 live"]);
    expect((await alice.status()).mesh.startsWith(digitsOf(signed)?.replaceAll(" ", "") ?? "?")).toBe(true);
  });

  it("each operate with the key that they founded with, and none of them removes another", async () => {
    await bob.join(
      await alice.run(["token", "create", "--name", "desk"], { env: passphrase }).then((text) => text.trim()),
    );
    await until("desk hears nas-1", async () => (await bob.status()).online === 2);
    expect(await bob.run(["label", "server", "desk", "founded"], { env })).toBe("+ server desk label founded\n");
    await carol.run(["operator", "request", "carol", "--elsewhere", `${carolsKey}.pub`]);
    expectRefusal(await bob.try(["operator", "remove", "carol"], { env }), 4, /only a smaller rank/);
    expectRefusal(await bob.try(["operator", "recover", "carol", "--code", "/dev/null"]), 2, /not a recovery code/);
  });

  it("and any two of them remove the third, by what one signs and the other signs after her", async () => {
    const removed = await alice.try(["operator", "remove", "bob", "--as-root", "--reason", "left"], {
      env: passphrase,
    });
    expect(removed.exit).toBe(0);
    expect(removed.stderr).toContain("it takes 2 signatures and has this one");
    expect(await operators(alice)).toContain("bob 1 live");
    const entry = await waiting();
    expect(removed.stderr).toContain(`lab approve ${entry.slice(0, 12)} --as-root`);
    // As a founder, and not as root, her word is that of an equal.
    expectRefusal(await carol.try(["approve", entry]), 4, /your key has rank 1/);
    const order = join(lab.root, "order");
    await carol.run(["approve", entry, "--as-root", "--out", order]);
    carolSigns(order);
    expect(await carol.run(["submit", order])).toBe(`✓ ${order} was taken\n`);
    await until("bob is removed at desk, too", async () => (await operators(bob)).includes("bob 1 cut"));
    expectRefusal(await bob.try(["label", "server", "desk", "late"], { env }), 4, /has no right "ops"|is no operator/);
    expect(await alice.run(["label", "server", "desk", "early"], { env: passphrase })).toContain("label early");
  });
});
