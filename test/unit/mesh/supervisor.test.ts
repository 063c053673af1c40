import { afterEach, describe, expect, it } from "vitest";
import type { LinkEvents } from "../../../src/core/ports/link.ts";
import { DEGREE, ringNeighbours } from "../../../src/mesh/degree.ts";
import { bytes, Homelab, intercept, keyOf, numbered } from "./homelab.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let lab: Homelab;

afterEach(() => lab.end());

async function startAll(names: readonly string[]): Promise<void> {
  lab.enrol(...names);
  await lab.start(...names);
  await lab.until(() => lab.isConnected, 10_000);
}

/** Five others are off, and nas-1 has long come down to trying them now and then. */
async function onlyOneIsOn() {
  lab.enrol("nas-1", ...numbered("off", 5));
  const [nas] = await lab.start("nas-1");
  if (nas === undefined) throw new Error("nas-1 does not start");
  await lab.pass(10 * MINUTE_MS);
  const dialsIn = async (ms: number) => {
    const before = nas.mesh.counters.dials;
    await lab.pass(ms);
    return nas.mesh.counters.dials - before;
  };
  return { nas, dialsIn };
}

const hasDegree = () => [...lab.machines.values()].every(({ mesh }) => mesh.connected().length >= DEGREE);

describe("the reconnect supervisor", () => {
  it.each([
    { cut: "10 s", cutMs: 10_000, machines: 12 },
    { cut: "60 s", cutMs: MINUTE_MS, machines: 12 },
    { cut: "1 h", cutMs: HOUR_MS, machines: 6 },
    { cut: "25 h", cutMs: 25 * HOUR_MS, machines: 2 },
  ])("joins $machines machines again within seconds after a cut of $cut", async ({ cut, cutMs, machines }) => {
    lab = new Homelab(`cut of ${cut}`);
    const names = numbered("nas", machines);
    await startAll(names);
    const half = machines / 2;
    lab.network.cut(names.slice(0, half).map(keyOf), names.slice(half).map(keyOf));
    await lab.pass(cutMs);
    expect(lab.isConnected).toBe(false);
    lab.network.heal();
    expect(await lab.until(() => lab.isConnected, 30_000)).toBeLessThanOrEqual(10_000);
  });

  it("has its place on the ring again at once when one of many has found a way across", async () => {
    lab = new Homelab("ring");
    const names = numbered("nas", 20);
    await startAll(names);
    lab.network.cut(names.slice(0, 10).map(keyOf), names.slice(10).map(keyOf));
    await lab.pass(5 * MINUTE_MS);
    lab.network.heal();
    const isWhole = () =>
      [...lab.machines.values()].every(({ key, mesh }) => {
        const others = names.map(keyOf).filter((peer) => peer !== key);
        return [...ringNeighbours(key, others.sort())].every((peer) => mesh.connected().includes(peer));
      });
    expect(await lab.until(isWhole, 40_000)).toBeLessThanOrEqual(5_000);
  });

  it("joins two machines within seconds each time, although their back-off is half a minute", async () => {
    lab = new Homelab("two");
    await startAll(["nas-1", "web-1"]);
    for (let i = 0; i < 8; i++) {
      lab.network.cut([keyOf("nas-1")], [keyOf("web-1")]);
      await lab.pass(5 * MINUTE_MS);
      lab.network.heal();
      expect(await lab.until(() => lab.isConnected, 40_000)).toBeLessThanOrEqual(8_000);
    }
  });

  it("brings twenty machines that start at the same instant together within seconds", async () => {
    lab = new Homelab("rack");
    await startAll(numbered("nas", 20));
    await lab.until(hasDegree, 5_000);
    const most = Math.max(...[...lab.machines.values()].map(({ mesh }) => mesh.connected().length));
    expect(most).toBeLessThanOrEqual(2 * DEGREE);

    for (const name of numbered("nas", 20)) lab.crash(name);
    await lab.pass(MINUTE_MS);
    await lab.start(...numbered("nas", 20));
    await lab.until(() => hasDegree() && lab.isConnected, 5_000);
  });

  it("finds a machine again that was off and comes back at another address each time", async () => {
    lab = new Homelab("moved");
    await startAll(["nas-1", "web-1"]);
    await lab.settle(lab.machines.get("web-1")!.mesh.stop());
    await lab.pass(HOUR_MS);
    // Only nas-1 dials: these know nobody.
    for (const port of [5001, 5002, 5003, 5004]) {
      const link = lab.network.createLink(keyOf("web-1"), `web-1:${port}`);
      await link.start({
        standing: () => "member",
        opened: () => undefined,
        closed: () => undefined,
        request: async (_peer, _channel, body) => body,
        broadcast: () => "taken",
        discovered: () => undefined,
      });
      lab.addresses.set(keyOf("web-1"), [`web-1:${port}`]);
      lab.tell();
      const isFound = () => link.connected().includes(keyOf("nas-1"));
      expect(await lab.until(isFound, 30_000)).toBeLessThanOrEqual(1_300);
      await link.stop();
      await lab.pass(5 * MINUTE_MS);
    }
  });

  it("uses news that come while it dials as soon as that dial has failed", async () => {
    lab = new Homelab("news");
    lab.enrol("nas-1", "web-1");
    let dialled = 0;
    let fail: () => void = () => undefined;
    const nas = lab.machine("nas-1", (link) =>
      intercept(link, {
        dial: () =>
          new Promise<void>((_resolve, reject) => {
            dialled++;
            fail = () => reject(new Error("nobody there"));
          }),
      }),
    );
    await nas.mesh.start();
    const nextDial = async () => {
      const before = dialled;
      return lab.until(() => dialled > before, 40_000);
    };
    await nextDial();
    for (let i = 0; i < 30; i++) {
      fail();
      await nextDial();
    }
    for (let i = 0; i < 5; i++) {
      lab.addresses.set(keyOf("web-1"), [`web-1:${5000 + i}`]);
      lab.tell();
      await lab.pass(3_000);
      fail();
      expect(await nextDial()).toBeLessThanOrEqual(1_300);
      for (let j = 0; j < 10; j++) {
        fail();
        await nextDial();
      }
    }
  });

  it("dials an address that was announced nearby at once", async () => {
    lab = new Homelab("nearby");
    lab.enrol("nas-1", "web-1");
    lab.addresses.set(keyOf("web-1"), ["old:1"]);
    lab.addresses.delete(keyOf("nas-1"));
    let events: LinkEvents | undefined;
    const nas = lab.machine("nas-1", (link) =>
      intercept(link, {
        start: (given) => {
          events = given;
          return link.start(given);
        },
      }),
    );
    await nas.mesh.start();
    await lab.start("web-1");
    await lab.pass(5 * MINUTE_MS);
    expect(nas.mesh.connected()).toEqual([]);
    events?.discovered(keyOf("web-1"), ["web-1:4001"]);
    events?.discovered(keyOf("mallory"), ["mallory:4001"]);
    const isFound = () => nas.mesh.connected().includes(keyOf("web-1"));
    expect(await lab.until(isFound, 10_000)).toBeLessThanOrEqual(2_000);
  });

  it("tries everybody again at once when the wall clock jumps: the machine may have slept", async () => {
    lab = new Homelab("slept");
    const { dialsIn } = await onlyOneIsOn();
    const usual = await dialsIn(3_000);
    lab.clock.clockFor("nas-1", { offsetMs: 8 * HOUR_MS });
    expect(await dialsIn(3_000)).toBeGreaterThanOrEqual(usual + 3);
  });

  it("tries everybody again at once when the machine's addresses change", async () => {
    lab = new Homelab("another lease");
    const { nas, dialsIn } = await onlyOneIsOn();
    const usual = await dialsIn(6_000);
    expect(nas.moves).toBe(0);
    lab.move("nas-1", "nas-1.elsewhere:4001");
    expect(await dialsIn(6_000)).toBeGreaterThanOrEqual(usual + 3);
    expect(nas.moves).toBe(1);
    expect(nas.log.records.some(({ event }) => event === "mesh.addresses.changed")).toBe(true);
  });

  it("is back within seconds after it was given another address, whatever the others know", async () => {
    lab = new Homelab("moved while running", { detectMs: 60_000 });
    await startAll(numbered("nas", 6));
    const nas = lab.machines.get("nas-3")!;
    nas.mesh.handle("echo", async (_peer, body) => body);
    const others = [...lab.machines.values()].filter((machine) => machine !== nas);
    const reaches = ({ link }: (typeof others)[number]) => link.request(nas.key, "echo", bytes("hello"), 500);
    const isReached = async () =>
      (await lab.settle(Promise.allSettled(others.map(reaches)))).every(({ status }) => status === "fulfilled");
    for (let i = 0; i < 5; i++) {
      await lab.pass(MINUTE_MS);
      expect(await isReached()).toBe(true);
      lab.move("nas-3", `nas-3.lease-${i}:4001`);
      const movedMs = lab.clock.monotonic();
      expect(await isReached()).toBe(false);
      while (!(await isReached())) await lab.pass(500);
      // It looks at its addresses every five seconds; a connection is given up after two questions of five seconds.
      expect(lab.clock.monotonic() - movedMs).toBeLessThanOrEqual(20_000);
    }
  });

  it("does not hammer at a member that does not let it in", async () => {
    lab = new Homelab("refusing");
    lab.enrol("nas-1", "web-1");
    lab.dissent.set("web-1", new Map([[keyOf("nas-1"), "refused"]]));
    const [nas] = await lab.start("nas-1", "web-1");
    await lab.pass(10 * MINUTE_MS);
    expect(nas!.mesh.counters.dials).toBeGreaterThan(20);
    expect(nas!.mesh.counters.dials).toBeLessThan(300);
  });

  it("spares a dead machine the attention of a whole fleet", async () => {
    lab = new Homelab("dead");
    await startAll(numbered("nas", 20));
    lab.crash("nas-7");
    await lab.pass(10 * MINUTE_MS);
    const before = lab.network.counters.dials;
    await lab.pass(10 * MINUTE_MS);
    expect((lab.network.counters.dials - before) / 600).toBeLessThan(2.5);
  });

  it("has at least one connection left when two dial each other at the same time, again and again", async () => {
    lab = new Homelab("crossing", { delayMs: [5, 40] });
    await startAll(["nas-1", "web-1"]);
    const [nas, web] = ["nas-1", "web-1"].map((name) => lab.machines.get(name)!);
    for (let i = 0; i < 50; i++) {
      await lab.settle(nas!.link.hangUp(web!.key));
      await lab.pass(50);
      await lab.settle(
        Promise.allSettled([
          nas!.link.dial(web!.key, [web!.address], 5_000),
          web!.link.dial(nas!.key, [nas!.address], 5_000),
        ]),
      );
      const areConnected = () => nas!.mesh.connected().length === 1 && web!.mesh.connected().length === 1;
      expect(await lab.until(areConnected, 10_000)).toBeLessThanOrEqual(5_000);
    }
  });

  it("ends a connection that was made for a question a minute after the last one", async () => {
    lab = new Homelab("questions");
    const names = numbered("nas", 20);
    await startAll(names);
    await lab.until(hasDegree, 5_000);
    await lab.pass(5_000);
    const nas = lab.machines.get("nas-1")!;
    const far = [...lab.machines.values()].find(
      ({ key, mesh }) => key !== nas.key && !nas.mesh.connected().includes(key) && mesh.connected().length > 0,
    )!;
    far.mesh.handle("echo", async (_peer, body) => body);
    const ask = () => lab.settle(nas.mesh.request(far.key, "echo", bytes("hello"), 5_000));

    expect(await ask()).toEqual(bytes("hello"));
    await lab.pass(50_000);
    expect(await ask()).toEqual(bytes("hello"));
    await lab.pass(50_000);
    expect(nas.mesh.connected()).toContain(far.key);
    await lab.until(() => !nas.mesh.connected().includes(far.key), 30_000);
    expect(nas.mesh.connected().length).toBeGreaterThanOrEqual(DEGREE);
    expect(lab.isConnected).toBe(true);
  });

  it("takes 32 connections and hangs up more, but never on ring neighbours", async () => {
    lab = new Homelab("crowd");
    const names = numbered("nas", 60);
    lab.enrol(...names);
    const [hub] = await lab.start("nas-1");
    // Everybody else knows only the hub.
    for (const name of names.slice(1)) {
      lab.dissent.set(name, new Map(names.filter((other) => other !== "nas-1").map((n) => [keyOf(n), "stranger"])));
    }
    await lab.start(...names.slice(1));
    await lab.pass(20_000);
    expect(hub!.mesh.connected().length).toBeGreaterThanOrEqual(30);
    expect(hub!.mesh.connected().length).toBeLessThanOrEqual(36);
  });

  it("lets everybody in by turns when more come than it can hold, so that nobody stays outside for ever", async () => {
    lab = new Homelab("queue");
    const names = numbered("nas", 60);
    lab.enrol(...names);
    const [hub] = await lab.start("nas-1");
    for (const name of names.slice(1)) {
      lab.dissent.set(name, new Map(names.filter((other) => other !== "nas-1").map((n) => [keyOf(n), "stranger"])));
    }
    await lab.start(...names.slice(1));
    const guests = new Set<string>();
    const everybodyCame = () => {
      for (const peer of hub!.mesh.connected()) guests.add(peer);
      return guests.size === names.length - 1;
    };
    expect(await lab.until(everybodyCame, 3 * MINUTE_MS)).toBeLessThanOrEqual(MINUTE_MS);
  });
});
