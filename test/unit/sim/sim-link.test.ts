import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import type { SimLink } from "../../../sim/link.ts";
import type { SimNetworkOptions } from "../../../sim/network.ts";
import { SimNetwork } from "../../../sim/network.ts";
import { seededRandom } from "../../../sim/random.ts";
import type { LinkEvents } from "../../../src/core/ports/link.ts";
import { linkContract } from "../../contracts/link-contract.ts";

const keyOf = (name: string) => createHash("sha256").update(name).digest("hex");

function createWorld(seed = "links", options: SimNetworkOptions = {}) {
  const clock = new SimClock();
  const network = new SimNetwork(clock, seededRandom(seed), options);
  return {
    clock,
    network,
    pass: (ms: number) => clock.runUntil(clock.monotonic() + ms),
    settle: <T>(promise: Promise<T>) => clock.until(promise),
  };
}

linkContract("a simulated network", async () => {
  const world = createWorld();
  return {
    link: async (name) => world.network.createLink(keyOf(name), `${name}:4001`),
    pass: world.pass,
    settle: (promise) => world.settle(promise),
    end: async () => undefined,
  };
});

/** Writes down what happens to one machine, with the time. */
function diary(clock: SimClock, lines: string[], name: string): LinkEvents {
  const note = (line: string) => void lines.push(`${clock.monotonic()} ${name} ${line}`);
  return {
    standing: () => "member",
    opened: (peer) => note(`opened ${peer.slice(0, 6)}`),
    closed: (peer) => note(`closed ${peer.slice(0, 6)}`),
    request: async (peer, _channel, body) => {
      note(`asked by ${peer.slice(0, 6)}`);
      return body;
    },
    broadcast: (body, from) => {
      note(`heard ${body[0]} from ${from.slice(0, 6)}`);
      return "taken";
    },
    discovered: () => undefined,
  };
}

const body = (value: number) => Uint8Array.of(value);

describe("a simulated network", () => {
  async function start(world: ReturnType<typeof createWorld>, lines: string[], names: readonly string[]) {
    const links: SimLink[] = [];
    for (const name of names) {
      const link = world.network.createLink(keyOf(name), `${name}:4001`);
      await link.start(diary(world.clock, lines, name));
      links.push(link);
    }
    return links as [SimLink, SimLink, SimLink];
  }

  /** Five machines in a ring, talking over a bad network that is cut and healed. */
  async function story(seed: string): Promise<string[]> {
    const world = createWorld(seed, { loss: 0.1, duplication: 0.2 });
    const lines: string[] = [];
    const links = await start(world, lines, ["alice", "bob", "carol", "dave", "erin"]);
    const dial = (i: number) => {
      const to = links[(i + 1) % links.length]!;
      return links[i]!.dial(to.self, [to.address], 5_000).catch(() => undefined);
    };
    await world.settle(Promise.all(links.map((_, i) => dial(i))));
    for (let i = 0; i < 40; i++) {
      links[i % links.length]!.broadcast(body(i));
      await world.pass(100);
      if (i === 10) world.network.cut([links[0].self], [links[1].self, links[2].self]);
      if (i === 30) world.network.heal();
    }
    await world.pass(10_000);
    return [...lines, JSON.stringify(world.network.counters)];
  }

  it("tells the same story for the same seed, and another one for another", async () => {
    const first = await story("a");
    expect(await story("a")).toEqual(first);
    expect(await story("b")).not.toEqual(first);
    expect(first.length).toBeGreaterThan(100);
  });

  it("takes its time for every message", async () => {
    const world = createWorld("delay", { delayMs: [7, 7] });
    const [alice, bob] = await start(world, [], ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    expect(world.clock.monotonic()).toBe(14);
    await world.settle(alice.request(bob.self, "echo", body(1), 1_000));
    expect(world.clock.monotonic()).toBe(28);
    world.network.setDelay(50, 50);
    await world.settle(alice.request(bob.self, "echo", body(1), 1_000));
    expect(world.clock.monotonic()).toBe(128);
  });

  it("delivers a broadcast once to each, whatever the ways, unless told to duplicate", async () => {
    const world = createWorld("once");
    const lines: string[] = [];
    const [alice, bob, carol] = await start(world, lines, ["alice", "bob", "carol"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    await world.settle(bob.dial(carol.self, [carol.address], 1_000));
    await world.settle(carol.dial(alice.self, [alice.address], 1_000));
    const heard = (value: number) => lines.filter((line) => line.includes(`heard ${value} `)).length;
    alice.broadcast(body(1));
    await world.pass(1_000);
    expect(heard(1)).toBe(2);
    world.network.setDuplication(1);
    alice.broadcast(body(2));
    await world.pass(1_000);
    expect(heard(2)).toBe(4);
    expect(world.network.counters).toMatchObject({ broadcasts: 2, broadcastsDelivered: 4, broadcastsDuplicated: 2 });
  });

  it("loses what it is told to lose", async () => {
    const world = createWorld("loss");
    const lines: string[] = [];
    const [alice, bob] = await start(world, lines, ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    world.network.setLoss(1);
    alice.broadcast(body(1));
    await expect(world.settle(alice.request(bob.self, "echo", body(2), 700))).rejects.toMatchObject({
      code: "PeerTimeout",
    });
    expect(lines.filter((line) => /heard|asked/.test(line))).toEqual([]);
    expect(world.network.counters).toMatchObject({ broadcastsLost: 1, requestsLost: 1 });
    expect(alice.connected()).toEqual([bob.self]);
  });

  it("closes connections across a cut once the silence is noticed, and lets none in until it heals", async () => {
    const world = createWorld("cut", { detectMs: 3_000 });
    const lines: string[] = [];
    const [alice, bob, carol] = await start(world, lines, ["alice", "bob", "carol"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    await world.settle(carol.dial(bob.self, [bob.address], 1_000));
    world.network.cut([alice.self], [bob.self, carol.self]);
    await world.pass(2_900);
    expect(alice.connected()).toEqual([bob.self]);
    await world.pass(200);
    expect([alice.connected(), bob.connected()]).toEqual([[], [carol.self]]);
    const before = world.clock.monotonic();
    await expect(world.settle(alice.dial(bob.self, [bob.address], 1_000))).rejects.toMatchObject({
      code: "PeerUnreachable",
    });
    expect(world.clock.monotonic() - before).toBe(1_000);
    world.network.heal();
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    expect(bob.connected()).toEqual([carol.self, alice.self]);
  });

  it("keeps connections over a cut that is shorter than anybody notices", async () => {
    const world = createWorld("blink", { detectMs: 3_000 });
    const [alice, bob] = await start(world, [], ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    world.network.cut([alice.self], [bob.self]);
    await world.pass(1_000);
    world.network.heal();
    await world.pass(10_000);
    expect(alice.connected()).toEqual([bob.self]);
    expect(world.network.counters.connectionsClosed).toBe(0);
  });

  it("lets through a one-way cut what goes the other way, until the connection is noticed to be dead", async () => {
    const world = createWorld("one way", { detectMs: 3_000 });
    const lines: string[] = [];
    const [alice, bob] = await start(world, lines, ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    const end = world.network.cut([bob.self], [alice.self], "forth");
    lines.length = 0;
    await expect(world.settle(alice.request(bob.self, "ping", new Uint8Array(1), 500))).rejects.toMatchObject({
      code: "PeerTimeout",
    });
    expect(lines).toHaveLength(1);
    await world.pass(3_000);
    expect([alice.connected(), bob.connected()]).toEqual([[], []]);
    end();
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
  });

  it("reaches nobody behind another router, who reaches everybody and is seen at the router's address", async () => {
    const world = createWorld("router");
    const [alice, bob, carol] = await start(world, [], ["alice", "bob", "carol"]);
    const end = world.network.hide([bob.self, carol.self], "203.0.113.7");
    await expect(world.settle(alice.dial(bob.self, [bob.address], 1_000))).rejects.toMatchObject({
      code: "PeerUnreachable",
    });
    await world.settle(bob.dial(carol.self, [carol.address], 1_000));
    await world.settle(bob.dial(alice.self, [alice.address], 1_000));
    expect(alice.remoteAddress(bob.self)).toMatch(/^203[.]0[.]113[.]7:[0-9]+$/);
    end();
    expect(alice.remoteAddress(bob.self)).toBe(bob.address);
  });

  it("keeps for a paused machine what comes, and hands it over when that goes on", async () => {
    const world = createWorld("pause");
    const lines: string[] = [];
    const [alice, bob] = await start(world, lines, ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    const goOn = world.network.pause(bob.self);
    const asked = alice.request(bob.self, "ping", new Uint8Array(1), 60_000);
    lines.length = 0;
    await world.pass(10_000);
    expect(lines).toEqual([]);
    goOn();
    await world.settle(asked);
    expect(lines).toHaveLength(1);
  });

  it("tells nobody of a crash until the silence is noticed", async () => {
    const world = createWorld("crash", { detectMs: 3_000 });
    const lines: string[] = [];
    const [alice, bob] = await start(world, lines, ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    const failure = alice.request(bob.self, "echo", body(1), 60_000).catch((error: unknown) => error);
    bob.crash();
    await world.pass(2_900);
    expect(alice.connected()).toEqual([bob.self]);
    await world.pass(200);
    expect(await failure).toMatchObject({ code: "PeerUnreachable" });
    expect(alice.connected()).toEqual([]);
    expect(lines.filter((line) => line.includes("bob closed"))).toEqual([]);
  });

  it("answers nothing of what a machine had asked before it crashed", async () => {
    const world = createWorld("crash");
    const [alice, bob] = await start(world, [], ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    const outcomes: string[] = [];
    alice.request(bob.self, "echo", body(1), 1_000).then(
      () => outcomes.push("answered"),
      () => outcomes.push("failed"),
    );
    alice.crash();
    await world.pass(10_000);
    expect(outcomes).toEqual([]);
  });

  it("takes a machine back that crashed and dials before its silence was noticed", async () => {
    const world = createWorld("back", { detectMs: 3_000 });
    const lines: string[] = [];
    const [alice, bob] = await start(world, lines, ["alice", "bob"]);
    await world.settle(alice.dial(bob.self, [bob.address], 1_000));
    bob.crash();
    const [bobAgain] = await start(world, lines, ["bob"]);
    await world.settle(bobAgain.dial(alice.self, [alice.address], 1_000));
    await world.pass(10_000);
    expect(alice.connected()).toEqual([bob.self]);
    expect(lines.filter((line) => line.includes("alice closed"))).toEqual([]);
    expect(await world.settle(alice.request(bob.self, "echo", body(9), 1_000))).toEqual(body(9));
  });

  it("refuses two machines that run under one key or at one address", async () => {
    const { network } = createWorld("twins");
    network.createLink(keyOf("alice"), "alice:4001");
    expect(() => network.createLink(keyOf("alice"), "elsewhere:4001")).toThrow("still runs");
    expect(() => network.createLink(keyOf("bob"), "alice:4001")).toThrow("still runs");
  });
});
