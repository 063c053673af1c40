import { afterEach, describe, expect, it } from "vitest";
import { Homelab, intercept, keyOf, type Machine, numbered } from "../homelab.ts";

let lab: Homelab;

afterEach(() => lab.end());

const NAMES = numbered("nas", 20);

async function startRack(seed: string): Promise<void> {
  lab = new Homelab(seed);
  lab.enrol(...NAMES);
  await lab.start(...NAMES);
  await lab.until(() => all().every(({ mesh }) => mesh.gauges().online === NAMES.length - 1), 10_000);
}

const all = () => [...lab.machines.values()];
const online = (machine: Machine, name: string) => machine.mesh.opinion(keyOf(name)).online;
const everybodySays = (name: string, state: string) => () =>
  all().every((machine) => machine.name === name || online(machine, name) === state);

describe("opinions", () => {
  it("tell at once who is there, how far away, and whether directly", async () => {
    await startRack("rack");
    await lab.pass(5_000);
    const [nas] = all();
    const opinions = nas!.mesh.opinions();
    expect(opinions.map(({ key }) => key)).toEqual(
      NAMES.map(keyOf)
        .filter((key) => key !== nas!.key)
        .sort(),
    );
    const direct = opinions.filter(({ connected }) => connected === "direct");
    expect(direct.map(({ key }) => key).sort()).toEqual([...nas!.mesh.connected()].sort());
    expect(direct.length).toBeLessThan(19);
    for (const { rttMs } of direct) expect(rttMs).toBeGreaterThan(1);
    for (const { rttMs } of opinions.filter(({ connected }) => connected === "no")) expect(rttMs).toBeNull();
  });

  it("know nothing of a member that was never heard of", async () => {
    lab = new Homelab("unknown");
    lab.enrol("nas-1", "web-1", "off-1");
    const [nas] = await lab.start("nas-1", "web-1");
    await lab.pass(60_000);
    expect(nas!.mesh.opinion(keyOf("web-1"))).toMatchObject({ online: "yes", connected: "direct" });
    const nobody = { key: keyOf("off-1"), online: "unknown", connected: "no", rttMs: null, lastHeardMs: null };
    expect(nas!.mesh.opinion(keyOf("off-1"))).toEqual(nobody);
  });

  it("follow a machine that dies and comes back, on all machines within seconds", async () => {
    await startRack("dies");
    await lab.pass(60_000);
    const heardMs = lab.clock.now();
    lab.crash("nas-7");
    // Three seconds of these are the network's, until it notices that a connection is dead.
    expect(await lab.until(everybodySays("nas-7", "no"), 10_000)).toBeLessThanOrEqual(6_000);
    await lab.pass(600_000);
    expect(everybodySays("nas-7", "no")()).toBe(true);
    expect(Math.abs(all()[0]!.mesh.opinion(keyOf("nas-7")).lastHeardMs! - heardMs)).toBeLessThan(20_000);

    await lab.start("nas-7");
    expect(await lab.until(everybodySays("nas-7", "yes"), 10_000)).toBeLessThanOrEqual(3_000);
  });

  it("follow a cut: either half gives up the other one as a whole, and takes it back", async () => {
    await startRack("halves");
    const [left, right] = [NAMES.slice(0, 10), NAMES.slice(10)];
    const seesOnlyItsHalf = () =>
      all().every((machine) => {
        const own = left.includes(machine.name) ? left : right;
        return NAMES.every((name) => name === machine.name || (online(machine, name) === "yes") === own.includes(name));
      });
    lab.network.cut(left.map(keyOf), right.map(keyOf));
    expect(await lab.until(seesOnlyItsHalf, 20_000)).toBeLessThanOrEqual(8_000);
    await lab.pass(120_000);
    expect(seesOnlyItsHalf()).toBe(true);
    lab.network.heal();
    const seesAll = () => all().every(({ mesh }) => mesh.gauges().online === 19);
    expect(await lab.until(seesAll, 30_000)).toBeLessThanOrEqual(10_000);
  });

  it("do not waver while everything is well, in spite of lost gossip", async () => {
    await startRack("calm");
    lab.network.setLoss(0.05);
    const changes: string[] = [];
    for (const { mesh, name } of all()) {
      mesh.onOpinionChange(({ key, online: state }) => {
        if (state !== "yes") changes.push(`${name} ${state} ${key.slice(0, 6)}`);
      });
    }
    await lab.pass(600_000);
    expect(changes).toEqual([]);
  });

  it("are told to whoever listens, until it stops", async () => {
    lab = new Homelab("listeners");
    lab.enrol("nas-1", "web-1");
    const [nas] = await lab.start("nas-1");
    const told: string[] = [];
    const stop = nas!.mesh.onOpinionChange(({ online: state, connected }) => told.push(`${state} ${connected}`));
    await lab.start("web-1");
    await lab.until(() => told.length > 0, 10_000);
    lab.crash("web-1");
    await lab.until(everybodySays("web-1", "no"), 10_000);
    expect(told).toEqual(["yes direct", "yes no", "no no"]);
    stop();
    await lab.start("web-1");
    await lab.until(everybodySays("web-1", "yes"), 10_000);
    expect(told.length).toBe(3);
  });

  it("do not believe the last words of the dead about others", async () => {
    lab = new Homelab("stale");
    lab.enrol("nas-1", "web-1", "web-2");
    const [nas] = await lab.start("nas-1", "web-1", "web-2");
    await lab.pass(10_000);
    expect(online(nas!, "web-2")).toBe("yes");
    lab.network.cut([keyOf("nas-1")], [keyOf("web-2")]);
    await lab.pass(10_000);
    expect(online(nas!, "web-2")).toBe("yes");
    lab.crash("web-1");
    await lab.pass(10_000);
    expect(online(nas!, "web-2")).toBe("no");
  });
});

describe("probes", () => {
  it("hang up a connection over which nothing comes back, and another one takes its place", async () => {
    lab = new Homelab("muted", { detectMs: 3_600_000 });
    lab.enrol("nas-1", "web-1");
    const [nas, web] = await lab.start("nas-1", "web-1");
    await lab.until(() => lab.isConnected, 10_000);
    await lab.pass(30_000);
    lab.network.cut([nas!.key], [web!.key]);
    await lab.until(() => nas!.mesh.connected().length === 0, 32_000);
    expect(nas!.mesh.counters.probeFailures).toBeGreaterThanOrEqual(2);
    lab.network.heal();
    await lab.until(() => nas!.mesh.connected().includes(web!.key), 10_000);
  });

  it("forgive one answer that does not come", async () => {
    let lost = 0;
    lab = new Homelab("one lost");
    lab.enrol("nas-1", "web-1");
    const nas = lab.machine("nas-1", (link) =>
      intercept(link, {
        request: (peer, channel, body, timeoutMs) =>
          channel === "probe" && lost++ % 2 === 0
            ? Promise.reject(new Error("lost"))
            : link.request(peer, channel, body, timeoutMs),
      }),
    );
    await nas.mesh.start();
    await lab.start("web-1");
    await lab.pass(600_000);
    expect(nas.mesh.counters.probeFailures).toBeGreaterThan(10);
    expect(nas.mesh.counters.hangUps).toBe(0);
  });
});
