import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, Lab, type Machine, until } from "./lab.ts";

const VALUE = "the value that web machines read";
const REMOVED = /web-\d was removed from mesh homelab\n(.|\n)*removed by alice at .*: stolen/;

describe("a machine that was removed", () => {
  let lab: Lab;
  let nas: Machine;
  let here: Machine;
  let away: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    [here, away] = ["web-1", "web-2"].map((name) => lab.machine(name)) as [Machine, Machine];
    await nas.found();
    await nas.run(["apply", "-f", "-"], { input: "labels: {web: {secrets: [web/tls]}}" });
    await nas.run(["secret", "set", "web/tls"], { input: VALUE });
    for (const machine of [here, away]) {
      await machine.join(await nas.token("--name", machine.name, "--labels", "web"));
      await nas.run(["label", "server", machine.name, "secret-store"]);
    }
    for (const machine of [here, away]) {
      await until(`${machine.name} has the secret`, async () => (await cached(machine)) === VALUE);
      await until(`${machine.name} runs its role`, async () => (await rolesOf(machine)).includes("secret-store"));
    }
    await away.run(["agent", "stop"]);
    expect(await cached(away)).toBe(VALUE);
    for (const machine of [here, away]) await nas.run(["identity", "revoke", machine.name, "--reason", "stolen"]);
    await away.startAgent();
  }, 60_000);

  afterAll(() => lab.close());

  const cached = async (machine: Machine) => {
    const { exit, stdout } = await machine.try(["secret", "get", "web/tls"]);
    return exit === 0 ? stdout : null;
  };
  /** Those that run on the machine itself. */
  const rolesOf = async (machine: Machine) => {
    const { items } = await machine.json<{ items: readonly { name: string; roles: readonly string[] }[] }>(
      "get",
      "peers",
    );
    return items.find(({ name }) => name === machine.name)?.roles ?? [];
  };

  it("while it ran hears of it, says so, stops its roles, forgets its secrets, and its agent ends", async () => {
    await until("web-1 says so", async () => /this machine was removed by alice/.test(await here.run(["status"])));
    await until("it has forgotten the secret", async () => (await cached(here)) === null);
    expectRefusal(await here.try(["secret", "get", "web/tls"]), 4, /not entitled/);
    const end = await here.agentEnds;
    expect(end.exit).toBe(4);
    expect(end.stderr).toMatch(REMOVED);
    expect(end.stderr).toContain('"event":"agent.removed"');
    expect(end.stderr).toContain('"event":"role.stopped","facts":{"role":"secret-store"}');
    expect(end.stderr).toContain('"event":"secret-cache.wiped"');
    expect(end.stderr).toContain('"event":"secret-store.forgotten"');
    expect(await here.run(["status"])).toMatch(/this machine was removed by alice at .*: stolen/);
    expect(await cached(here)).toBeNull();
  });

  it("while it was off hears of it when it is back, from the first that it comes to", async () => {
    const end = await away.agentEnds;
    expect(end.exit).toBe(4);
    expect(end.stderr).toMatch(REMOVED);
    expect(end.stderr).toContain('"event":"secret-cache.wiped"');
    expect(end.stderr).toContain('"event":"secret-store.forgotten"');
    expect(await cached(away)).toBeNull();
  });
});
