import { afterAll, beforeAll, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

/* Operators who read values, at a machine that is entitled to none. */

let lab: Lab;
let nas: Machine;
let bob: Machine;
let carol: Machine;

beforeAll(async () => {
  lab = Lab.open();
  nas = lab.machine("nas-1", "alice");
  const desk = lab.machine("desk", "alice");
  bob = lab.machine("desk", "bob");
  carol = lab.machine("desk", "carol");
  await nas.found();
  await desk.join(await nas.token("--name", "desk"));
  await until("desk hears nas-1", async () => (await desk.status()).online === 2);
  for (const [name, operator] of [
    ["bob", bob],
    ["carol", carol],
  ] as const) {
    const line = (await operator.run(["operator", "request", name])).trim();
    await nas.run(["operator", "add", name, "--key", line, "--rights", "ops"]);
  }
  const input = "secrets: { made/key: { type: dynamic, generator: random, length: 40, alphabet: hex } }";
  await nas.run(["apply", "-f", "-"], { input });
  await nas.run(["secret", "set", "db/password"], { input: "correct horse" });
  await until("both are operators at desk", async () => {
    return (await desk.json<{ items: readonly unknown[] }>("get", "operators")).items.length === 3;
  });
}, 60_000);

afterAll(() => lab.close());

const read = (operator: Machine, path: string, ...more: string[]) => operator.try(["secret", "get", path, ...more]);

it("nobody reads but machines until an administrator says so, and what is not there is not told from what is", async () => {
  expectRefusal(await read(bob, "db/password"), 4, /does not exist or this machine is not entitled to it/);
  const [there, nowhere] = [
    await read(bob, "db/password", "--as-operator"),
    await read(bob, "no/such", "--as-operator"),
  ];
  expectRefusal(there, 4, /"db\/password" does not exist or bob may not read it/);
  expect(nowhere.stderr.replaceAll("no/such", "db/password")).toBe(there.stderr);
  expectRefusal(await bob.try(["secret", "allow", "db/password", "bob"]), 4, /the key of bob has no right "admin"/);
  expectRefusal(await nas.try(["secret", "allow", "db/password"]), 2, /name the operators/);
  expectRefusal(await nas.try(["secret", "allow", "db/password", "dave"]), 5, /no live key is dave's/);
});

it("bob reads what alice allows him, also what a store makes; carol does not, and all of it is written down", async () => {
  const allowed = await nas.run(["secret", "allow", "db/password", "bob"]);
  expect(allowed).toBe("db/password: readable by bob besides its machines\n");
  await nas.run(["secret", "allow", "made/key", "bob", "alice"]);
  await until("bob reads it", async () => (await read(bob, "db/password")).stdout === "correct horse");
  const { stdout, stderr } = await read(bob, "made/key");
  expect(stdout).toMatch(/^[0-9a-f]{40}$/);
  expect(stderr).toContain("this machine is not entitled to made/key: asking for bob");
  expectRefusal(await read(carol, "db/password"), 4, /this machine is not entitled/);
  expectRefusal(await read(carol, "db/password", "--as-operator"), 4, /carol may not read it/);
  const shown = await nas.run(["show", "secret", "db/password"]);
  expect(shown).toMatch(/Readable by operators:\n {2}└── bob +last fetched: (now|\d+ [sm] ago)\n/);
  const reads = await nas.run(["secret", "audit", "db/password"]);
  expect(reads).toMatch(/bob \(operator\) +db\/password +✓ allowed +\d+ +nas-1/);
  expect(reads).toMatch(/carol \(operator\) +db\/password +✗ denied +\d+ +nas-1/);
  expect(await nas.run(["secret", "status", "--store"])).toMatch(/operator bob +→ 2 secrets/);
});

it("what no store can open is sealed to bob once he has a recipient, and to nobody whom alice has not allowed", async () => {
  const input = "secrets: { root/ca: { class: sealed } }";
  await nas.run(["apply", "-f", "-"], { input });
  await nas.run(["secret", "allow", "root/ca", "bob"]);
  const set = async () => nas.try(["secret", "set", "root/ca"], { input: "the root of all" });
  expectRefusal(await set(), 2, /nobody may yet/);
  expect((await bob.run(["operator", "recipient"])).trim()).toMatch(/^age1[0-9a-z]{58}$/);
  await until("nas-1 knows bob's recipient", async () => (await set()).exit === 0);
  const { exit, stderr } = await set();
  expect({ exit, stderr }).toMatchObject({ exit: 0, stderr: expect.stringContaining("sealed to bob") });
  await until("bob reads it", async () => (await read(bob, "root/ca")).stdout === "the root of all");
  expectRefusal(await read(carol, "root/ca", "--as-operator"), 4, /carol may not read it/);
  await nas.run(["secret", "allow", "root/ca", "bob", "alice"]);
  expectRefusal(await read(nas, "root/ca", "--as-operator"), 1, /"root\/ca" is not sealed to alice/);
});

it("bob is removed: what he read is told and made anew, and he reads nothing more", async () => {
  const before = (await read(nas, "made/key", "--as-operator")).stdout;
  const { exit, stderr } = await nas.try(["operator", "remove", "bob", "--yes"]);
  expect(exit).toBe(0);
  expect(stderr).toContain("bob had 3 of the secrets that count now; stores make 1 of them anew at once");
  expectRefusal(await read(bob, "db/password"), 4, /this machine is not entitled/);
  expectRefusal(await read(bob, "db/password", "--as-operator"), 4, /./);
  await until("a store has made a new value", async () => {
    const { stdout } = await read(nas, "made/key", "--as-operator");
    return stdout !== "" && stdout !== before;
  });
  expect(await nas.run(["secret", "audit"])).toMatch(
    /"db\/password" is exposed since .*: it left with bob, an\s+operator/,
  );
});
