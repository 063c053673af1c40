import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Machine, until } from "./lab.ts";
import { type Cable, IPV4, IPV6, Network, type Subnet, whyNoNamespaces } from "../../bench/namespaces.ts";

const reason = whyNoNamespaces();
const skipped = reason === null ? "" : ` (skipped: ${reason})`;

interface Plugged {
  readonly machine: Machine;
  readonly cable: Cable;
}

describe.skipIf(reason !== null)(`machines on a network of their own${skipped}`, () => {
  let lab: Lab;
  let network: Network;

  beforeEach(() => {
    lab = Lab.open();
    network = new Network();
  });

  afterEach(async () => {
    await lab.close();
    network.end();
  });

  function plug(name: string, ...subnets: readonly Subnet[]): Plugged {
    const cable = network.plug(...subnets);
    const machine = lab.machine(name);
    machine.within = cable.within;
    machine.agentFlags = [];
    return { machine, cable };
  }

  /** All are members of one mesh, founded by the first. */
  async function enrol([first, ...others]: readonly Plugged[]): Promise<void> {
    await first!.machine.found();
    for (const { machine } of others) {
      await machine.join(await first!.machine.token("--name", machine.name));
    }
  }

  const isWhole = (all: readonly Plugged[]) => async (): Promise<boolean> => {
    const states = await Promise.all(all.map(({ machine }) => machine.status()));
    return states.every(({ online, stateHash }) => online === all.length && stateHash === states[0]?.stateHash);
  };

  /** Until the others have heard of a machine that it listens there, and nowhere else. */
  async function isKnownAt(name: string, addresses: readonly string[], ...heardBy: readonly Plugged[]): Promise<void> {
    await until(`${name} is known at ${addresses.join(", ")}`, async () => {
      const lists = await Promise.all(heardBy.map(({ machine }) => machine.servers()));
      const said = lists.map((servers) => servers.find((server) => server.name === name)?.["addresses"]);
      return said.every((list) => JSON.stringify(list) === JSON.stringify(addresses));
    });
  }

  it("find each other by mDNS alone when all of them have moved, and when one moves while it runs", async () => {
    const all = ["nas-1", "web-1", "pi-1"].map((name) => plug(name, IPV4));
    await enrol(all);
    await until("all three are one mesh", isWhole(all));
    const [nas, web, pi] = all as [Plugged, Plugged, Plugged];
    await isKnownAt("web-1", ["10.77.0.2:7444"], nas, pi);

    for (const { machine } of all) await machine.killAgent();
    for (const { cable } of all) cable.renumber(IPV4.address(cable.number), IPV4.address(50 + cable.number));
    for (const { machine } of all) await machine.startAgent();
    await until("all three are one mesh again", isWhole(all));
    await isKnownAt("web-1", ["10.77.0.52:7444"], nas, pi);

    web.cable.renumber(IPV4.address(52), IPV4.address(99));
    await isKnownAt("web-1", ["10.77.0.99:7444"], nas, pi);
    await until("all three are one mesh once more", isWhole(all));
    expect(all.every(({ machine }) => machine.isAlive)).toBe(true);
  });

  it("are one mesh over IPv6 alone, enrolment and mDNS included", async () => {
    const all = ["nas-2", "web-2"].map((name) => plug(name, IPV6));
    await enrol(all);
    await until("both are one mesh", isWhole(all));
    const [nas] = all as [Plugged];
    await isKnownAt("web-2", ["[fd00:77::2]:7444"], nas);

    for (const { machine } of all) await machine.killAgent();
    for (const { cable } of all) cable.renumber(IPV6.address(cable.number), IPV6.address(50 + cable.number));
    for (const { machine } of all) await machine.startAgent();
    await until("both are one mesh again", isWhole(all));
    await isKnownAt("web-2", ["[fd00:77::52]:7444"], nas);
    expect(await nas.machine.stateHash()).toBe(await all[1]!.machine.stateHash());
  });

  it("are one mesh again after a cable was out", async () => {
    const all = ["nas-3", "web-3"].map((name) => plug(name, IPV4, IPV6));
    for (const { machine } of all) machine.agentFlags = ["--no-mdns"];
    await enrol(all);
    await until("both are one mesh", isWhole(all));
    const [nas, web] = all as [Plugged, Plugged];
    await isKnownAt("web-3", ["10.77.0.2:7444", "[fd00:77::2]:7444"], nas);

    web.cable.pull();
    await until(
      "neither sees the other",
      async () => {
        const states = await Promise.all(all.map(({ machine }) => machine.status()));
        return states.every(({ online }) => online === 1);
      },
      { withinMs: 60_000 },
    );
    await nas.machine.run(["label", "server", "nas-3", "left"]);
    await web.machine.run(["label", "server", "web-3", "right"]);
    web.cable.insert();
    await until("both are one mesh again", isWhole(all));
    const [left, right] = await nas.machine.servers();
    expect(left?.labels).toContain("left");
    expect(right?.labels).toContain("right");
  });

  it("tell nobody of loopback, nor of a bridge that only the containers of a machine see", async () => {
    const all = ["nas-5", "web-5"].map((name) => plug(name, IPV4, IPV6));
    const [nas, web] = all as [Plugged, Plugged];
    const ip = (...words: string[]) => spawnSync("ip", words, { encoding: "utf8" });
    const [, , , namespace = ""] = nas.cable.within;
    const inMachine = (...words: string[]) => expect(ip("-n", namespace, ...words)).toMatchObject({ stderr: "" });
    // With one container on it, or it would not be up.
    inMachine("link", "add", "docker0", "type", "bridge");
    inMachine("link", "add", "container0", "type", "veth", "peer", "name", "inside0");
    inMachine("link", "set", "container0", "master", "docker0");
    inMachine("addr", "add", "172.17.0.1/16", "dev", "docker0");
    for (const link of ["inside0", "container0", "docker0"]) inMachine("link", "set", link, "up");
    await enrol(all);
    await until("both are one mesh", isWhole(all));
    await isKnownAt("nas-5", ["10.77.0.1:7444", "[fd00:77::1]:7444"], web);
  });

  it("reach what is announced besides", async () => {
    const all = ["nas-4", "web-4"].map((name) => plug(name, IPV4));
    const [nas, web] = all as [Plugged, Plugged];
    nas.machine.agentFlags = ["--announce", "/dns4/lab.example.com/tcp/7444", "--announce", "[2001:db8::7]:7000"];
    await enrol(all);
    await until("both are one mesh", isWhole(all));
    await isKnownAt("nas-4", ["lab.example.com:7444", "[2001:db8::7]:7000", "10.77.0.1:7444"], web);
    const odd = await nas.machine.try(["agent", "--announce", "lab.example.com"]);
    expect(odd).toMatchObject({ exit: 2, stderr: expect.stringContaining('--announce cannot be "lab.example.com"') });
  });
});
