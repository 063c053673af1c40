import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Stream } from "@libp2p/interface";
import { MUTE_AFTER_MS } from "../../../src/mesh/libp2p/partner.ts";
import { addressOf, type Host, pass, REQUEST_PROTOCOL, startGuest, startHost, until } from "./wire-guests.ts";

describe("gossip among members", () => {
  let alice: Host;
  let bob: Host;
  let carol: Host;

  beforeEach(async () => {
    [alice, bob, carol] = await Promise.all([startHost("alice"), startHost("bob"), startHost("carol")]);
    await connect(alice, bob);
    await connect(bob, carol);
  });

  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await Promise.all([alice, bob, carol].map(({ link }) => link.stop()));
  });

  const connect = (from: Host, to: Host) => from.link.dial(to.link.self, to.link.addresses(), 20_000);
  const say = (host: Host, words: string) => host.link.broadcast(Buffer.from(words));
  const ask = (from: Host, to: Host) => from.link.request(to.link.self, "x", new Uint8Array(1), 5_000);

  async function isHeard(speaker: Host, listener: Host, words: string, withinMs = 10_000): Promise<void> {
    let i = 0;
    await until(
      () => {
        if (i++ % 5 === 0) say(speaker, `${words} ${i}`);
        return listener.heard.some((heard) => heard.startsWith(words));
      },
      `${words} is heard`,
      withinMs,
    );
  }

  it("hears of a member that floods no more than members have to say, and the others as before", async () => {
    await isHeard(alice, carol, "hello");
    await isHeard(carol, alice, "hello");
    for (let i = 0; i < 3_500; i++) {
      say(alice, `flood ${i}`);
      if (i % 500 === 0) await pass(5);
    }
    await until(() => bob.link.stats().droppedBroadcasts > 500, "bob does not hear all of it");
    await isHeard(carol, bob, "in between");
    const flood = carol.heard.filter((words) => words.startsWith("flood")).length;
    expect(flood).toBeGreaterThan(1_500);
    expect(flood).toBeLessThan(3_000);
    // Bob passes on as much as he hears, and carol has the same patience with him.
    expect(carol.link.stats().droppedBroadcasts).toBeLessThan(bob.link.stats().droppedBroadcasts / 5);
    await isHeard(alice, carol, "afterwards");
  });

  it("does not listen to a member that keeps handing on what makes no sense", async () => {
    await isHeard(alice, carol, "hello");
    for (let i = 0; i < 4; i++) say(alice, `nonsense ${i}`);
    await until(() => bob.link.stats().droppedBroadcasts >= 3, "bob has heard it");
    // gossipsub looks at the score of a peer that was well thought of once in a second.
    await pass(2_500);
    for (let i = 0; i < 5; i++) {
      say(alice, `sense ${i}`);
      await pass(100);
    }
    expect([...bob.heard, ...carol.heard].filter((words) => words.startsWith("sense"))).toEqual([]);
    expect(await ask(alice, bob)).toHaveLength(1);
    await isHeard(carol, bob, "hello");
  });

  it("opens its streams anew when they are dead and requests work", async () => {
    await isHeard(alice, carol, "hello");
    const send = await sendOfStreams();
    const deadBefore = Date.now();
    let swallowed = 0;
    vi.spyOn(send.owner, "send").mockImplementation(function (this: Stream, data) {
      const isGossip = this.protocol?.startsWith("/meshsub") && this.timeline.open <= deadBefore;
      if (!isGossip) return send.call(this, data);
      swallowed++;
      return true;
    });
    for (let i = 0; i < 5; i++) {
      say(alice, `into the void ${i}`);
      await pass(100);
    }
    expect(swallowed).toBeGreaterThan(0);
    expect(bob.heard.filter((words) => words.startsWith("into"))).toEqual([]);
    expect(await ask(alice, bob)).toHaveLength(1);

    // The watchdog reads this clock and no other; faked, it begins at zero.
    const nowMs = performance.now();
    vi.useFakeTimers({ toFake: ["performance"] });
    vi.advanceTimersByTime(nowMs + MUTE_AFTER_MS + 1_000);
    await isHeard(alice, carol, "back");
    expect(alice.link.connected()).toEqual([bob.link.self]);
  });

  /** The call by which every stream sends. */
  async function sendOfStreams() {
    const { node } = await startGuest();
    const connection = await node.dial(addressOf(bob));
    let owner = (await connection.newStream(REQUEST_PROTOCOL)) as object;
    while (!Object.hasOwn(owner, "send")) owner = Object.getPrototypeOf(owner) as object;
    await node.stop();
    const found = owner as Pick<Stream, "send">;
    const original = found.send;
    return { owner: found, call: (stream: Stream, data: Parameters<Stream["send"]>[0]) => original.call(stream, data) };
  }
});
