import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Link, LinkEvents, PeerKey, Standing } from "../../src/core/ports/link.ts";
import { MAX_BROADCAST_BYTES, MAX_FRAME_BYTES } from "../../src/core/ports/link.ts";

/** Where links of one kind meet, in real time or in virtual time. */
export interface LinkWorld {
  /** A link that is not started yet. The same name again, after the first one stopped, is the same key. */
  link(name: string): Promise<Link>;
  /** Lets time pass until the promise settles. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  end(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
/** Longer than any implementation takes to act on a changed standing. */
const SOON_MS = 1_500;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

/** What a {@link Link} promises, whatever carries it. */
export function linkContract(name: string, setup: () => Promise<LinkWorld>): void {
  describe(`a link over ${name}`, () => {
    let world: LinkWorld;
    let all: Peer[];

    beforeEach(async () => {
      world = await setup();
      all = [];
    });

    afterEach(async () => {
      await world.settle(Promise.all(all.map(({ link }) => link.stop())));
      await world.end();
    });

    async function start(peerName: string): Promise<Peer> {
      const peer = new Peer(peerName, await world.link(peerName));
      all.push(peer);
      await world.settle(peer.link.start(peer.events));
      return peer;
    }

    async function connect(from: Peer, to: Peer): Promise<void> {
      await world.settle(from.link.dial(to.key, to.link.addresses(), TIMEOUT_MS));
      await until(() => to.link.connected().includes(from.key), `${to.name} sees ${from.name}`);
    }

    async function until(holds: () => boolean, what: string): Promise<void> {
      for (let waitedMs = 0; !holds(); waitedMs += 50) {
        if (waitedMs > 15_000) throw new Error(`never: ${what}`);
        await world.pass(50);
      }
    }

    /** Says different things until the listener has heard one. Broadcasts may be lost; all of them are not. */
    async function isHeard(speaker: Peer, listener: Peer): Promise<void> {
      const heard = () => listener.broadcasts.some((said) => said.body.startsWith(`${speaker.name} says`));
      let count = 0;
      await until(() => {
        if (heard()) return true;
        speaker.link.broadcast(bytes(`${speaker.name} says ${count++}`));
        return false;
      }, `${listener.name} hears ${speaker.name}`);
    }

    const ask = (from: Peer, to: Peer, body: Uint8Array, timeoutMs = TIMEOUT_MS) =>
      world.settle(from.link.request(to.key, "echo", body, timeoutMs));

    it("is known by its key and says where it listens", async () => {
      const alice = await start("alice");
      expect(alice.key).toMatch(/^[0-9a-f]{64}$/);
      expect(alice.link.addresses()).toEqual([expect.stringMatching(/^(127[.]0[.]0[.]1|[a-z]+):\d+$/)]);
      expect(alice.link.connected()).toEqual([]);
    });

    it("connects to the key that was asked for, and once only", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await world.settle(alice.link.dial(bob.key, [], TIMEOUT_MS));
      await world.settle(bob.link.dial(alice.key, alice.link.addresses(), TIMEOUT_MS));
      expect(alice.link.connected()).toEqual([bob.key]);
      expect(bob.link.connected()).toEqual([alice.key]);
    });

    it("says where a peer is connected from, while it is", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      expect(bob.link.remoteAddress(alice.key)).toBeNull();
      await connect(alice, bob);
      expect(alice.link.remoteAddress(bob.key)).toBe(bob.link.addresses()[0]);
      const host = (address: string | null | undefined) => address?.replace(/:\d+$/, "");
      expect(host(bob.link.remoteAddress(alice.key))).toBe(host(alice.link.addresses()[0]));
      await world.settle(alice.link.hangUp(bob.key));
      expect(alice.link.remoteAddress(bob.key)).toBeNull();
    });

    it("does not take another key for the one that was asked for", async () => {
      const [alice, bob, carol] = [await start("alice"), await start("bob"), await start("carol")];
      const dial = alice.link.dial(carol.key, bob.link.addresses(), TIMEOUT_MS);
      await expect(world.settle(dial)).rejects.toMatchObject({ code: "PeerUnreachable", facts: { peer: carol.key } });
      expect(alice.link.connected()).toEqual([]);
      expect(alice.opened).toEqual([]);
    });

    it("tries every address it is given", async () => {
      const [alice, bob, carol] = [await start("alice"), await start("bob"), await start("carol")];
      const dead = carol.link.addresses();
      await world.settle(carol.link.stop());
      await world.settle(alice.link.dial(bob.key, ["nonsense", ...dead, ...bob.link.addresses()], TIMEOUT_MS));
      expect(alice.link.connected()).toEqual([bob.key]);
    });

    it("says that a peer cannot be reached when nobody listens, and when there is no connection", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      const dead = bob.link.addresses();
      await world.settle(bob.link.stop());
      await expect(world.settle(alice.link.dial(bob.key, dead, TIMEOUT_MS))).rejects.toMatchObject({
        code: "PeerUnreachable",
      });
      await expect(world.settle(alice.link.dial(bob.key, [], TIMEOUT_MS))).rejects.toMatchObject({
        code: "PeerUnreachable",
      });
      await expect(ask(alice, bob, bytes("hello"))).rejects.toMatchObject({ code: "PeerUnreachable" });
    });

    it("has one connection when two peers dial each other at once", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await world.settle(
        Promise.all([
          alice.link.dial(bob.key, bob.link.addresses(), TIMEOUT_MS),
          bob.link.dial(alice.key, alice.link.addresses(), TIMEOUT_MS),
        ]),
      );
      expect(text(await ask(alice, bob, bytes("one")))).toBe("one");
      await world.pass(SOON_MS);
      expect(text(await ask(bob, alice, bytes("two")))).toBe("two");
      expect(alice.opened).toEqual([bob.key]);
      expect(bob.opened).toEqual([alice.key]);
      expect([...alice.closed, ...bob.closed]).toEqual([]);
    });

    it("tells once that a peer has come and once that it has gone", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await world.settle(alice.link.hangUp(bob.key));
      await until(() => bob.closed.length > 0 && alice.closed.length > 0, "both are told");
      expect([alice.opened, alice.closed]).toEqual([[bob.key], [bob.key]]);
      expect([bob.opened, bob.closed]).toEqual([[alice.key], [alice.key]]);
      expect([...alice.link.connected(), ...bob.link.connected()]).toEqual([]);
    });

    it("connects again after hanging up", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await world.settle(alice.link.hangUp(bob.key));
      await until(() => bob.closed.length > 0, "bob is told");
      await connect(bob, alice);
      expect(text(await ask(alice, bob, bytes("again")))).toBe("again");
      await isHeard(alice, bob);
    });

    it("carries requests both ways over one connection", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      expect(text(await ask(alice, bob, bytes("ping")))).toBe("ping");
      expect(text(await ask(bob, alice, bytes("pong")))).toBe("pong");
      expect(await ask(alice, bob, new Uint8Array(0))).toHaveLength(0);
      expect(bob.requests).toContainEqual({ peer: alice.key, channel: "echo" });
    });

    it("carries a body of the largest size, unharmed", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      const body = new Uint8Array(MAX_FRAME_BYTES).map((_, i) => (i * 31) >> 3);
      const answer = await ask(alice, bob, body);
      expect(Buffer.compare(answer, body)).toBe(0);
    });

    it("refuses a body over the largest size, as question and as answer", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      const body = new Uint8Array(MAX_FRAME_BYTES + 1);
      await expect(ask(alice, bob, body)).rejects.toMatchObject({ code: "TooLarge" });
      bob.answer = async () => body;
      await expect(ask(alice, bob, bytes("more"))).rejects.toMatchObject({ code: "PeerFailed" });
    });

    it("serves many requests at once, each with its own answer", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      const questions = Array.from({ length: 50 }, (_, i) => `question ${i}`);
      const answers = await world.settle(
        Promise.all(questions.map((each) => alice.link.request(bob.key, "echo", bytes(each), TIMEOUT_MS))),
      );
      expect(answers.map(text)).toEqual(questions);
    });

    it("hands on what the handler's error says", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      bob.answer = async () => {
        throw new Error("bob does not like this: ü");
      };
      await expect(ask(alice, bob, bytes("hello"))).rejects.toMatchObject({
        code: "PeerFailed",
        message: "bob does not like this: ü",
        facts: { peer: bob.key },
      });
    });

    it("gives up on an answer that does not come", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      bob.answer = () => new Promise(() => undefined);
      await expect(ask(alice, bob, bytes("hello"), 200)).rejects.toMatchObject({ code: "PeerTimeout" });
      bob.answer = async (body) => body;
      expect(text(await ask(alice, bob, bytes("still there?")))).toBe("still there?");
    });

    it("fails a request whose connection goes", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      bob.answer = () => new Promise(() => undefined);
      const failure = alice.link.request(bob.key, "echo", bytes("hello"), 60_000).catch((error: unknown) => error);
      await until(() => bob.requests.length > 0, "bob is asked");
      await world.settle(bob.link.stop());
      expect(await world.settle(failure)).toMatchObject({ code: "PeerUnreachable" });
    });

    it("carries a broadcast to members that only a member in between can reach", async () => {
      const [alice, bob, carol] = [await start("alice"), await start("bob"), await start("carol")];
      await connect(alice, bob);
      await connect(bob, carol);
      await isHeard(alice, carol);
      await isHeard(carol, alice);
      expect(carol.broadcasts.map(({ from }) => from)).toContain(bob.key);
      expect(carol.broadcasts.map(({ from }) => from)).not.toContain(alice.key);
      expect(alice.broadcasts.some((said) => said.body.startsWith("alice says"))).toBe(false);
    });

    it("carries a broadcast of the largest size", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await isHeard(alice, bob);
      alice.link.broadcast(new Uint8Array(MAX_BROADCAST_BYTES));
      const largest = () => bob.broadcasts.filter(({ body }) => body.length > 1_000);
      await until(() => largest().length > 0, "bob hears it");
      expect(largest().map(({ body }) => body.length)).toEqual([MAX_BROADCAST_BYTES]);
    });

    it("takes equal broadcasts for one, and drops one that is too large", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await isHeard(alice, bob);
      alice.link.broadcast(bytes("twice"));
      alice.link.broadcast(bytes("twice"));
      alice.link.broadcast(new Uint8Array(MAX_BROADCAST_BYTES + 1));
      alice.link.broadcast(bytes("last"));
      await until(() => bob.broadcasts.some(({ body }) => body === "last"), "bob hears the last one");
      await until(() => bob.broadcasts.some(({ body }) => body === "twice"), "bob hears the other one");
      await world.pass(SOON_MS);
      expect(bob.broadcasts.filter(({ body }) => body === "twice")).toHaveLength(1);
      expect(bob.broadcasts.filter(({ body }) => body.length > 100)).toEqual([]);
    });

    it("does not pass on what its listener finds malformed", async () => {
      const [alice, bob, carol] = [await start("alice"), await start("bob"), await start("carol")];
      await connect(alice, bob);
      await connect(bob, carol);
      await isHeard(alice, carol);
      carol.broadcasts.length = 0;
      alice.link.broadcast(bytes("nonsense"));
      alice.link.broadcast(bytes("sense"));
      await until(() => carol.broadcasts.length > 0, "carol hears what came after it");
      await world.pass(SOON_MS);
      expect(carol.broadcasts.map(({ body }) => body)).toEqual(["sense"]);
      expect(bob.link.stats().droppedBroadcasts).toBe(1);
      expect(carol.link.stats().droppedBroadcasts).toBe(0);
    });

    it("lets a stranger ask, but not hear and not speak", async () => {
      const [bob, carol, eve] = [await start("bob"), await start("carol"), await start("eve")];
      bob.standings.set(eve.key, "stranger");
      await connect(eve, bob);
      await connect(carol, bob);
      await isHeard(bob, carol);
      await isHeard(carol, bob);
      for (let i = 0; i < 5; i++) {
        eve.link.broadcast(bytes(`eve says ${i}`));
        bob.link.broadcast(bytes(`for members only ${i}`));
        await world.pass(500);
      }
      expect(text(await ask(eve, bob, bytes("may I come in?")))).toBe("may I come in?");
      expect(text(await ask(bob, eve, bytes("who are you?")))).toBe("who are you?");
      expect(eve.broadcasts).toEqual([]);
      expect([...bob.broadcasts, ...carol.broadcasts].filter(({ body }) => body.startsWith("eve"))).toEqual([]);
    });

    it("lets a stranger hear and speak as soon as it is a member, over the connection that stands", async () => {
      const [bob, eve] = [await start("bob"), await start("eve")];
      bob.standings.set(eve.key, "stranger");
      await connect(eve, bob);
      await world.pass(SOON_MS);
      bob.standings.set(eve.key, "member");
      await isHeard(bob, eve);
      await isHeard(eve, bob);
      expect([...bob.closed, ...eve.closed]).toEqual([]);
    });

    it("hears and is heard by a member again that was a stranger for a moment", async () => {
      const [bob, eve] = [await start("bob"), await start("eve")];
      await connect(eve, bob);
      await isHeard(eve, bob);
      for (let i = 0; i < 3; i++) {
        bob.standings.set(eve.key, i % 2 === 0 ? "stranger" : "member");
        await world.pass(700);
      }
      bob.standings.set(eve.key, "member");
      bob.broadcasts.length = 0;
      await isHeard(eve, bob);
      await isHeard(bob, eve);
      expect([...bob.closed, ...eve.closed]).toEqual([]);
    });

    it("does not let in whom it refuses", async () => {
      const [bob, eve] = [await start("bob"), await start("eve")];
      bob.standings.set(eve.key, "refused");
      await world.settle(eve.link.dial(bob.key, bob.link.addresses(), TIMEOUT_MS).catch(() => undefined));
      await until(() => eve.link.connected().length === 0, "eve is out");
      await expect(ask(eve, bob, bytes("hello"))).rejects.toMatchObject({ code: "PeerUnreachable" });
      const dial = bob.link.dial(eve.key, eve.link.addresses(), TIMEOUT_MS);
      await expect(world.settle(dial)).rejects.toMatchObject({ code: "PeerUnreachable" });
      expect(bob.opened).toEqual([]);
      expect(bob.requests).toEqual([]);
    });

    it("answers nothing and carries nothing any more for a member that becomes refused", async () => {
      const [alice, bob, eve] = [await start("alice"), await start("bob"), await start("eve")];
      await connect(eve, bob);
      await connect(alice, bob);
      await isHeard(eve, alice);
      bob.standings.set(eve.key, "refused");
      const asked = bob.requests.length;
      eve.link.broadcast(bytes("eve says: one more"));
      await expect(ask(eve, bob, bytes("hello"))).rejects.toMatchObject({ code: "PeerUnreachable" });
      await expect(ask(bob, eve, bytes("hello"))).rejects.toMatchObject({ code: "PeerUnreachable" });
      await until(() => !eve.link.connected().includes(bob.key), "eve is cut");
      await world.pass(SOON_MS);
      expect(bob.requests).toHaveLength(asked);
      expect([...bob.broadcasts, ...alice.broadcasts].map(({ body }) => body)).not.toContain("eve says: one more");
    });

    it("tells a removed member something, and answers and carries nothing of it", async () => {
      const [alice, bob, eve] = [await start("alice"), await start("bob"), await start("eve")];
      await connect(alice, bob);
      bob.standings.set(eve.key, "removed");
      await connect(eve, bob);
      expect(text(await ask(bob, eve, bytes("you are out")))).toBe("you are out");
      await expect(ask(eve, bob, bytes("hello"))).rejects.toThrow();
      eve.link.broadcast(bytes("eve says: one more"));
      bob.link.broadcast(bytes("bob says: she is out"));
      await world.pass(SOON_MS);
      expect(bob.requests).toEqual([]);
      expect([...bob.broadcasts, ...alice.broadcasts].map(({ body }) => body)).not.toContain("eve says: one more");
      expect(eve.broadcasts).toEqual([]);
      await world.settle(bob.link.hangUp(eve.key));
      await until(() => !eve.link.connected().includes(bob.key), "eve is cut");
    });

    it("neither hears nor is heard any more when a member becomes a stranger", async () => {
      const [alice, bob, eve] = [await start("alice"), await start("bob"), await start("eve")];
      await connect(eve, bob);
      await connect(alice, bob);
      await isHeard(eve, alice);
      await isHeard(alice, eve);
      bob.standings.set(eve.key, "stranger");
      eve.link.broadcast(bytes("from outside"));
      bob.link.broadcast(bytes("inside"));
      await until(() => alice.broadcasts.some(({ body }) => body === "inside"), "alice hears bob");
      await world.pass(SOON_MS);
      alice.link.broadcast(bytes("further inside"));
      await until(() => bob.broadcasts.some(({ body }) => body === "further inside"), "bob hears alice");
      await world.pass(SOON_MS);
      expect(eve.broadcasts.map(({ body }) => body)).not.toContain("inside");
      expect(eve.broadcasts.map(({ body }) => body)).not.toContain("further inside");
      expect([...bob.broadcasts, ...alice.broadcasts].map(({ body }) => body)).not.toContain("from outside");
      expect(text(await ask(eve, bob, bytes("still a stranger?")))).toBe("still a stranger?");
    });

    it("counts what it sends and receives, and what it holds", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      expect(alice.link.stats()).toMatchObject({ sentBytes: 0, receivedBytes: 0, connections: 0, streams: 0 });
      await connect(alice, bob);
      await isHeard(alice, bob);
      const before = [alice.link.stats(), bob.link.stats()] as const;
      await ask(alice, bob, new Uint8Array(100_000));
      const after = [alice.link.stats(), bob.link.stats()] as const;
      for (const [i, stats] of after.entries()) {
        for (const bytes of ["sentBytes", "receivedBytes"] as const) {
          const grown = stats[bytes] - before[i]![bytes];
          expect(grown).toBeGreaterThanOrEqual(100_000);
          expect(grown).toBeLessThan(110_000);
        }
        expect(stats).toMatchObject({ refusedConnections: 0, halfOpen: 0, connections: 1 });
      }
      bob.answer = () => new Promise(() => undefined);
      const streams = alice.link.stats().streams;
      const failure = alice.link.request(bob.key, "echo", bytes("hello"), 60_000).catch(() => undefined);
      await until(() => alice.link.stats().streams > streams, "the question is open");
      await world.settle(alice.link.hangUp(bob.key));
      await world.settle(failure);
      await until(() => alice.link.stats().connections === 0, "the connection is gone");
      expect(alice.link.stats().streams).toBe(0);
    });

    it("is silent once it has stopped, and comes back under its key", async () => {
      const [alice, bob] = [await start("alice"), await start("bob")];
      await connect(alice, bob);
      await isHeard(alice, bob);
      await world.settle(bob.link.stop());
      await until(() => alice.link.connected().length === 0, "alice sees bob gone");
      expect(alice.closed).toEqual([bob.key]);
      expect(bob.link.connected()).toEqual([]);
      expect(bob.link.addresses()).toEqual([]);
      await expect(world.settle(bob.link.dial(alice.key, alice.link.addresses(), 500))).rejects.toMatchObject({
        code: "PeerUnreachable",
      });

      const bobAgain = await start("bob");
      expect(bobAgain.key).toBe(bob.key);
      await connect(bobAgain, alice);
      expect(text(await ask(alice, bobAgain, bytes("welcome back")))).toBe("welcome back");
      await isHeard(alice, bobAgain);
    });
  });
}

/** A link with somebody behind it who writes down what happens and answers every request with its own body. */
class Peer {
  readonly name: string;
  readonly link: Link;
  readonly standings = new Map<PeerKey, Standing>();
  readonly opened: PeerKey[] = [];
  readonly closed: PeerKey[] = [];
  readonly requests: { peer: PeerKey; channel: string }[] = [];
  readonly broadcasts: { body: string; from: PeerKey }[] = [];
  answer = async (body: Uint8Array): Promise<Uint8Array> => body;

  constructor(name: string, link: Link) {
    this.name = name;
    this.link = link;
  }

  get key(): PeerKey {
    return this.link.self;
  }

  readonly events: LinkEvents = {
    standing: (peer) => this.standings.get(peer) ?? "member",
    opened: (peer) => void this.opened.push(peer),
    closed: (peer) => void this.closed.push(peer),
    request: (peer, channel, body) => {
      this.requests.push({ peer, channel });
      return this.answer(body);
    },
    broadcast: (body, from) => {
      if (text(body).startsWith("nonsense")) return "malformed";
      this.broadcasts.push({ body: text(body), from });
      return "taken";
    },
    discovered: () => undefined,
  };
}
