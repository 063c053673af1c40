import { afterAll, beforeAll, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

let lab: Lab;
let nas: Machine;
let web: Machine;

beforeAll(async () => {
  lab = Lab.open();
  nas = lab.machine("nas-1");
  web = lab.machine("web-1", "member");
  await nas.found();
  await web.join(await nas.token("--name", "web-1", "--labels", "web"));
  const input = `
labels: { web: { secrets: [web/tls, web/key, web/unread] } }
secrets: { web/key: { type: dynamic, generator: random, length: 40, alphabet: hex } }
`;
  await nas.run(["apply", "-f", "-"], { input });
  await nas.run(["secret", "set", "web/tls"], { input: "by hand" });
  await until("web-1 has both", async () => (await read("web/key")) !== null && (await read("web/tls")) === "by hand");
}, 60_000);

afterAll(() => lab.close());

async function read(path: string): Promise<string | null> {
  const { exit, stdout } = await web.try(["secret", "get", path]);
  return exit === 0 ? stdout : null;
}

const audit = () => nas.run(["secret", "audit"]);

async function versionOf(path: string): Promise<string | null> {
  const { items } = await nas.json<{ items: readonly { path: string; version: string | null }[] }>("get", "secrets");
  return items.find((secret) => secret.path === path)?.version ?? null;
}

it("a value that a store makes is made anew when alice asks; one that she set is hers to set", async () => {
  const before = await read("web/key");
  expect(before).toMatch(/^[0-9a-f]{40}$/);
  expect(await nas.run(["secret", "rotate", "web/key"])).toBe("✓ a store makes a new value of web/key\n");
  await until("web-1 has another one", async () => ![before, null].includes(await read("web/key")));
  expectRefusal(await nas.try(["secret", "rotate", "web/tls"]), 2, /set by hand: no generator makes it/);
});

it("revoking web-1 tells what it had, makes anew what a store makes, and waits for alice with the rest", async () => {
  const before = await versionOf("web/key");
  const { exit, stderr } = await nas.try(["identity", "revoke", "web-1", "--yes"]);
  expect(exit).toBe(0);
  expect(stderr).toContain("web-1 had 2 of the secrets that count now; stores make 1 of them anew at once");
  expect(stderr).toMatch(/✗ web\/tls: lab secret set web\/tls \(until /);
  await until("the store has made a new value", async () => (await versionOf("web/key")) !== before);
  await until("only the other one is exposed", async () => {
    const findings = await audit();
    return findings.includes('Secret "web/tls" is exposed') && !findings.includes('Secret "web/key" is exposed');
  });
  await nas.run(["secret", "set", "web/tls"], { input: "another one" });
  expect(await audit()).not.toContain("is exposed");
});
