import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { SimNetwork } from "../../../sim/network.ts";
import { seededRandom } from "../../../sim/random.ts";
import type { Link, LinkEvents } from "../../../src/core/ports/link.ts";
import { type CuttableLink, cuttableLink } from "../../../src/demo/cuttable-link.ts";
import { linkContract } from "../../contracts/link-contract.ts";

const keyOf = (name: string) => createHash("sha256").update(name).digest("hex");
const body = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const silent: LinkEvents = {
  standing: () => "member",
  opened: () => undefined,
  closed: () => undefined,
  request: async (_peer, _channel, asked) => asked,
  broadcast: () => "taken",
  discovered: () => undefined,
};

function createWorld() {
  const clock = new SimClock();
  const network = new SimNetwork(clock, seededRandom("cuts"));
  return {
    link: (name: string) => cuttableLink(network.createLink(keyOf(name), `${name}:4001`), new Set()),
    pass: (ms: number) => clock.runUntil(clock.monotonic() + ms),
    settle: <T>(promise: Promise<T>) => clock.until(promise),
  };
}

linkContract("a link that could be cut and is not", async () => {
  const world = createWorld();
  return { ...world, link: async (name) => world.link(name), end: async () => undefined };
});

describe("a link that is cut", () => {
  let world: ReturnType<typeof createWorld>;
  let alice: Machine;
  let bob: Machine;
  let carol: Machine;

  class Machine {
    readonly link: CuttableLink;
    readonly name: string;
    readonly happened: string[] = [];
    #events: LinkEvents = {
      standing: () => "member",
      opened: (peer) => this.#note("opened", peer),
      closed: (peer) => this.#note("closed", peer),
      request: async (peer, _channel, asked) => {
        this.#note("asked by", peer);
        return asked;
      },
      broadcast: (said, from) => {
        this.#note(`heard ${text(said)} from`, from);
        return "taken";
      },
      discovered: (peer, addresses) => this.#note(`discovered at ${addresses.join()}`, peer),
    };

    constructor(name: string) {
      this.name = name;
      this.link = world.link(name);
    }

    start = () => world.settle(this.link.start(this.#events));
    cutOff = (...others: Machine[]) => world.settle(this.link.cutOff(new Set(others.map(({ link }) => link.self))));
    dial = (other: Machine) => world.settle(this.link.dial(other.link.self, other.link.addresses(), 1_000));
    ask = (other: Machine) => world.settle(this.link.request(other.link.self, "echo", body("hello"), 1_000));

    #note(what: string, peer: string): void {
      const known = [alice, bob, carol].find(({ link }) => link.self === peer);
      this.happened.push(`${what} ${known?.name ?? peer}`);
    }
  }

  beforeEach(async () => {
    world = createWorld();
    alice = new Machine("alice");
    bob = new Machine("bob");
    carol = new Machine("carol");
    for (const machine of [alice, bob, carol]) await machine.start();
    for (const other of [bob, carol]) await alice.dial(other);
    await bob.dial(carol);
    await world.pass(1_000);
    for (const { happened } of [alice, bob, carol]) happened.length = 0;
  });

  it("hangs up on whoever is out of reach, and on nobody else", async () => {
    await alice.cutOff(bob);
    await world.pass(1_000);
    expect(alice.happened).toEqual(["closed bob"]);
    expect(bob.happened).toEqual(["closed alice"]);
    expect(alice.link.connected()).toEqual([carol.link.self]);
    expect(text(await alice.ask(carol))).toBe("hello");
  });

  it("is one-sided enough: the side that knows of the cut neither dials nor is dialled", async () => {
    await alice.cutOff(bob);
    await world.pass(1_000);
    alice.happened.length = 0;
    await expect(alice.dial(bob)).rejects.toThrow("the demo's mesh is cut");
    await bob.dial(alice).catch(() => undefined);
    await world.pass(1_000);
    expect(alice.happened).toEqual([]);
    expect(alice.link.connected()).not.toContain(bob.link.self);
    expect(bob.link.connected()).not.toContain(alice.link.self);
  });

  it("lets no request through, in neither direction", async () => {
    await alice.cutOff(bob);
    await expect(alice.ask(bob)).rejects.toMatchObject({ code: "PeerUnreachable" });
    await expect(bob.ask(alice)).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect([...alice.happened, ...bob.happened].filter((what) => what.startsWith("asked"))).toEqual([]);
  });

  it("does not let an answer through that was on its way", async () => {
    const asking = alice.link.request(bob.link.self, "echo", body("hello"), 1_000);
    const answer = expect(world.settle(asking)).rejects.toMatchObject({ code: "PeerUnreachable" });
    void alice.link.cutOff(new Set([bob.link.self]));
    await answer;
  });

  it("passes no broadcast over the cut, and all of them on one side", async () => {
    for (const [near, far] of [
      [alice, [carol]],
      [bob, [carol]],
      [carol, [alice, bob]],
    ] as const) {
      await near.cutOff(...far);
    }
    await world.pass(1_000);
    for (const machine of [alice, carol]) machine.link.broadcast(body(`news of ${machine.name}`));
    await world.pass(1_000);
    const heard = ({ happened }: Machine) => happened.filter((what) => what.startsWith("heard"));
    expect(heard(bob)).toEqual(["heard news of alice from alice"]);
    expect([...heard(alice), ...heard(carol)]).toEqual([]);
  });

  it("hangs up on a connection that was past the door when the cut came", async () => {
    const hungUp: string[] = [];
    let late: LinkEvents | undefined;
    const link: Link = {
      self: alice.link.self,
      start: async (events) => void (late = events),
      stop: async () => undefined,
      addresses: () => [],
      dial: async () => undefined,
      hangUp: async (peer) => void hungUp.push(peer),
      connected: () => [],
      remoteAddress: () => null,
      request: async () => new Uint8Array(0),
      broadcast: () => undefined,
      stats: () => alice.link.stats(),
    };
    const opened: string[] = [];
    const dave = cuttableLink(link, new Set([bob.link.self]));
    await dave.start({ ...silent, opened: (peer) => void opened.push(peer) });
    late?.opened(bob.link.self);
    late?.opened(carol.link.self);
    expect(opened).toEqual([bob.link.self, carol.link.self]);
    expect(hungUp).toEqual([bob.link.self]);
  });

  it("says where whoever is in reach again was last looked for", async () => {
    await alice.cutOff(bob);
    await alice.dial(bob).catch(() => undefined);
    alice.happened.length = 0;
    await alice.cutOff();
    expect(alice.happened).toEqual(["discovered at bob:4001 bob"]);
    await alice.dial(bob);
    expect(text(await alice.ask(bob))).toBe("hello");
  });
});
