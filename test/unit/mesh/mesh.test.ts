import { afterEach, describe, expect, it } from "vitest";
import { SimClock, settled } from "../../../sim/clock.ts";
import { ENROL_CHANNEL } from "../../../src/core/enrolment.ts";
import type { LinkEvents } from "../../../src/core/ports/link.ts";
import { AdmissionQueue } from "../../../src/mesh/admission-queue.ts";
import { Doorstep, MAX_STRANGERS } from "../../../src/mesh/doorstep.ts";
import { droppingLog } from "../../../sim/log.ts";
import { encodeEntries } from "../../../src/mesh/gossip-message.ts";
import { bytes, Homelab, intercept, keyOf, numbered } from "./homelab.ts";

let lab: Homelab;

const all = () => [...lab.machines.values()];

describe("a mesh", () => {
  afterEach(() => lab.end());

  it("spreads new entries to everybody at once", async () => {
    lab = new Homelab("gossip");
    lab.enrol(...numbered("nas", 20));
    const [nas] = await lab.start(...numbered("nas", 20));
    await lab.until(() => lab.isConnected, 10_000);
    await lab.pass(5_000);
    nas!.notes.add([bytes("one"), bytes("two")]);
    nas!.mesh.broadcast([bytes("one"), bytes("two")]);
    const tookMs = await lab.until(() => all().every(({ notes }) => notes.all.size === 2), 5_000);
    expect(tookMs).toBeLessThanOrEqual(300);
  });

  it("asks members through a connection made for that, itself without one, and says when it cannot", async () => {
    lab = new Homelab("asking");
    lab.enrol("alice", "bob", "carol");
    lab.addresses.delete(keyOf("carol"));
    lab.standings.set(keyOf("mallory"), "refused");
    const [alice, bob] = await lab.start("alice", "bob");
    bob!.mesh.handle("echo", async (peer, body) => {
      if (body.length === 0) throw new Error("say something");
      return bytes(`${peer.slice(0, 6)} said ${new TextDecoder().decode(body)}`);
    });
    const ask = (name: string, body: string) =>
      lab.settle(alice!.mesh.request(keyOf(name), "echo", bytes(body), 1_000));
    alice!.mesh.handle("echo", async (_peer, body) => body);
    expect(await ask("alice", "hello")).toEqual(bytes("hello"));
    expect(await ask("bob", "hello")).toEqual(bytes(`${keyOf("alice").slice(0, 6)} said hello`));
    await expect(ask("bob", "")).rejects.toMatchObject({ code: "PeerFailed", message: "say something" });
    for (const name of ["carol", "mallory", "nobody"]) {
      await expect(ask(name, "hello")).rejects.toMatchObject({ code: "PeerUnreachable" });
    }
    lab.crash("bob");
    await lab.pass(60_000);
    const beganMs = lab.clock.monotonic();
    await expect(ask("bob", "hello")).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect(lab.clock.monotonic() - beganMs).toBeLessThanOrEqual(1_000);
  });

  it("lets a stranger enrol, nothing else, and not stay; as a member it belongs at once", async () => {
    lab = new Homelab("strangers");
    lab.enrol("nas-1");
    const [nas] = await lab.start("nas-1");
    nas!.mesh.handleStrangers(ENROL_CHANNEL, async () => bytes("welcome"));
    nas!.mesh.handle("secret", async () => bytes("treasure"));
    nas!.notes.add([bytes("private")]);
    const joiner = lab.network.createLink(keyOf("web-1"), "web-1:4001");
    const quiet: LinkEvents = {
      standing: (peer) => (peer === nas!.key ? "stranger" : "refused"),
      opened: () => undefined,
      closed: () => undefined,
      request: async () => bytes("what?"),
      broadcast: () => "taken",
      discovered: () => undefined,
    };
    await joiner.start(quiet);
    const ask = (channel: string) => lab.settle(joiner.request(nas!.key, channel, new Uint8Array([0x80]), 5_000));
    await lab.settle(joiner.dial(nas!.key, ["nas-1:4001"], 5_000));
    expect(await ask(ENROL_CHANNEL)).toEqual(bytes("welcome"));
    for (const channel of ["secret", "sync", "probe", "probe-for", "compare-verdicts", "nowhere"]) {
      await expect(ask(channel)).rejects.toMatchObject({ code: "PeerFailed", message: "not a member of this mesh" });
    }
    expect(nas!.mesh.gauges()).toMatchObject({ strangers: 1, connected: 0 });
    await lab.until(() => !joiner.connected().includes(nas!.key), 70_000);

    await lab.settle(joiner.dial(nas!.key, ["nas-1:4001"], 5_000));
    lab.enrol("web-1");
    expect(nas!.mesh.gauges()).toMatchObject({ strangers: 0, connected: 1 });
    expect(await ask("secret")).toEqual(bytes("treasure"));
    await lab.pass(120_000);
    expect(joiner.connected()).toContain(nas!.key);
    await joiner.stop();
  });

  it("hangs up a member that was cut from the mesh, everywhere and for good", async () => {
    lab = new Homelab("refused");
    lab.enrol(...numbered("nas", 5), "mallory");
    const [, ...others] = await lab.start("mallory", ...numbered("nas", 5));
    await lab.until(() => lab.isConnected, 10_000);
    lab.refuse("mallory");
    lab.dissent.set("mallory", new Map(numbered("nas", 5).map((name) => [keyOf(name), "member"])));
    await lab.pass(100);
    const mallory = lab.machines.get("mallory")!;
    expect(others.flatMap(({ link }) => link.connected())).not.toContain(mallory.key);
    expect(others[0]!.mesh.opinions().map(({ key }) => key)).not.toContain(mallory.key);
    others[0]!.mesh.broadcast([bytes("ours")]);
    others[0]!.notes.add([bytes("ours")]);
    mallory.mesh.broadcast([bytes("hers")]);
    await lab.pass(60_000);
    expect(others.every(({ notes }) => notes.all.has("ours") && !notes.all.has("hers"))).toBe(true);
    expect(mallory.notes.all.size).toBe(0);
  });

  it("drops gossip that makes no sense, or that strangers hand over, and counts it", async () => {
    lab = new Homelab("noise");
    lab.enrol("nas-1");
    let events: LinkEvents | undefined;
    const nas = lab.machine("nas-1", (link) =>
      intercept(link, {
        start: (given) => {
          events = given;
          return link.start(given);
        },
      }),
    );
    lab.enrol("web-1");
    await nas.mesh.start();
    events?.broadcast(bytes("noise"), keyOf("web-1"));
    const [message] = encodeEntries([bytes("entry")]);
    events?.broadcast(message!, keyOf("mallory"));
    await settled();
    expect(nas.notes.all.size).toBe(0);
    expect(nas.mesh.counters.broadcastsDropped).toBe(1);
    events?.broadcast(message!, keyOf("web-1"));
    await settled();
    expect(nas.notes.all).toContain("entry");
  });

  it("leaves nothing behind when it stops, whatever was going on", async () => {
    lab = new Homelab("stopping", { loss: 0.2 });
    const names = numbered("nas", 8);
    lab.enrol(...names, "off-1");
    const machines = await lab.start(...names);
    await lab.pass(777);
    const asked = machines.map(({ mesh }) => mesh.catchUp(keyOf("off-1")));
    await lab.end();
    await lab.settle(Promise.all(asked));
    const counted = machines.map(({ mesh }) => ({ ...mesh.counters }));
    await lab.pass(600_000);
    expect(machines.map(({ mesh }) => ({ ...mesh.counters }))).toEqual(counted);
    expect(lab.clock.pending).toBe(0);
  });

  it("does the same again when chance is the same", async () => {
    const story = async () => {
      lab = new Homelab("again", { loss: 0.05, duplication: 0.05 });
      const names = numbered("nas", 10);
      lab.enrol(...names);
      await lab.start(...names);
      await lab.pass(30_000);
      lab.network.cut(names.slice(0, 4).map(keyOf), names.slice(4).map(keyOf));
      await lab.pass(60_000);
      lab.network.heal();
      await lab.pass(30_000);
      const told = all().map(({ mesh }) => ({ counters: { ...mesh.counters }, opinions: mesh.opinions() }));
      await lab.end();
      return { told, ran: lab.clock.ran };
    };
    expect(await story()).toEqual(await story());
  });
});

describe("gossiped entries", () => {
  it("are admitted one message after another, and dropped beyond what may wait", async () => {
    const admitted: number[] = [];
    const open: (() => void)[] = [];
    const queue = new AdmissionQueue(async (entries) => {
      admitted.push(entries.length);
      await new Promise<void>((resolve) => open.push(resolve));
      if (entries.length === 1) throw new Error("refused");
    }, droppingLog);
    const megabyte = new Uint8Array(1024 * 1024);
    expect([1, 2, 1, 1].map((count) => queue.add(Array<Uint8Array>(count).fill(megabyte), "alice"))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    await settled();
    expect(admitted).toEqual([1]);
    for (let i = 0; i < 3; i++) {
      open.shift()?.();
      await settled();
    }
    expect(admitted).toEqual([1, 2, 1]);
    expect(queue.add([megabyte], "alice")).toBe(true);
    await settled();
    open.shift()?.();
    await queue.stop();
    expect(queue.add([megabyte], "alice")).toBe(false);
  });
});

describe("the doorstep", () => {
  it("shows the oldest stranger out when there are too many", async () => {
    const clock = new SimClock();
    const gone: string[] = [];
    const doorstep = new Doorstep(clock, (peer) => gone.push(peer));
    const strangers = numbered("stranger", MAX_STRANGERS + 2);
    for (const name of strangers) {
      await clock.runUntil(clock.monotonic() + 1_000);
      doorstep.opened(name);
    }
    expect(gone).toEqual(strangers.slice(0, 2));
    doorstep.closed("stranger-3");
    await clock.runUntil(clock.monotonic() + 60_000);
    expect(gone).toEqual(strangers.filter((name) => name !== "stranger-3"));
    expect(doorstep.size).toBe(0);
  });

  it("leaves those alone who are being answered, and takes nobody in when all are", async () => {
    const clock = new SimClock();
    const gone: string[] = [];
    const doorstep = new Doorstep(clock, (peer) => gone.push(peer));
    const strangers = numbered("stranger", MAX_STRANGERS);
    for (const name of strangers) doorstep.opened(name);
    let answer: () => void = () => undefined;
    const served = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const asking = doorstep.serving("stranger-1", () => served);
    doorstep.opened("eve");
    expect(gone).toEqual(["stranger-2"]);
    const all = [...strangers, "eve"].map((name) => doorstep.serving(name, () => served));
    doorstep.opened("mallory");
    expect(gone).toEqual(["stranger-2", "mallory"]);
    expect(doorstep.size).toBe(MAX_STRANGERS);
    answer();
    await Promise.all([asking, ...all]);
    doorstep.opened("mallory");
    expect(gone).toEqual(["stranger-2", "mallory", "stranger-1"]);
    doorstep.stop();
  });
});
