import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateKeyPair } from "@libp2p/crypto/keys";
import type { Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import type { Libp2p } from "libp2p";
import { createLibp2p } from "libp2p";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ascii, concat } from "../../../src/core/bytes.ts";
import type { LinkEvents, PeerKey } from "../../../src/core/ports/link.ts";
import { MAX_FRAME_BYTES } from "../../../src/core/ports/link.ts";
import { decodeRequest, encodeAnswer, encodeRequest } from "../../../src/mesh/frames.ts";
import { atMost, readFrame } from "../../../src/mesh/libp2p/read-frame.ts";
import { linkContract } from "../../contracts/link-contract.ts";
import {
  addressOf,
  createLink,
  DATA,
  frameHead,
  type Host,
  openBare,
  pass,
  REQUEST_PROTOCOL,
  startGuest,
  startHost,
  until,
} from "./wire-guests.ts";

const root = join(import.meta.dirname, "../../..");
linkContract("TCP, Noise and gossipsub", async () => ({
  link: createLink,
  pass,
  settle: (promise) => promise,
  end: async () => undefined,
}));

describe("libp2p links", () => {
  let agents: Host[];
  let strangers: Libp2p[];
  /** Counts on over all tests: what was said once is not said again. */
  let round = 0;

  beforeEach(() => {
    agents = [];
    strangers = [];
  });

  afterEach(async () => {
    await Promise.all([...agents.map(({ link }) => link.stop()), ...strangers.map((node) => node.stop())]);
  });

  async function start(name: string): Promise<Host> {
    const agent = await startHost(name);
    agents.push(agent);
    return agent;
  }

  const connect = (from: Host, to: Host) => from.link.dial(to.link.self, to.link.addresses(), 20_000);
  const say = (agent: Host, words: string) => agent.link.broadcast(Buffer.from(words));

  /** Gossip has found its ways when everybody has heard one message of everybody. */
  async function acquainted(): Promise<void> {
    const hasHeard = (agent: Host, i: number) =>
      agent === agents[i] || agent.heard.some((it) => it.startsWith(`${i}:`));
    await until(() => {
      const silent = agents.map((_, i) => i).filter((i) => !agents.every((agent) => hasHeard(agent, i)));
      if (round++ % 20 === 0) for (const i of silent) say(agents[i]!, `${i}: hello ${round}`);
      return silent.length === 0;
    }, "everybody has heard everybody");
  }

  /** Waits until everybody has heard twenty pieces of news; what somebody has heard more than once. */
  async function heardTwice(): Promise<string[]> {
    const news = Array.from({ length: 20 }, (_, i) => ({ speaker: agents[i % agents.length]!, words: `news ${i}` }));
    for (const { speaker, words } of news) say(speaker, words);
    const hasHeardAll = (agent: Host) =>
      news.every(({ speaker, words }) => speaker === agent || agent.heard.includes(words));
    await until(() => agents.every(hasHeardAll), "everybody hears all twenty");
    return agents.flatMap(({ heard }) =>
      heard.filter((words, i) => words.startsWith("news") && heard.indexOf(words) < i),
    );
  }

  async function startRaw(): Promise<{ node: Libp2p; key: PeerKey }> {
    const guest = await startGuest();
    strangers.push(guest.node);
    return guest;
  }

  const isOver = (stream: Stream) => stream.status === "reset" || stream.status === "aborted";

  it("carry twenty broadcasts to each of five that are joined in a ring", async () => {
    for (let i = 0; i < 5; i++) await start(`ring ${i}`);
    await Promise.all(agents.map((agent, i) => connect(agent, agents[(i + 1) % 5]!)));
    await acquainted();
    expect(await heardTwice()).toEqual([]);
  });

  it("carry twenty broadcasts to each of twenty behind one address that all dial one at once", async () => {
    for (let i = 0; i < 20; i++) await start(`rack ${i}`);
    const [hub, ...others] = agents;
    await Promise.all(others.map((agent) => connect(agent, hub!)));
    await until(() => hub!.link.connected().length === 19, "the one is connected to all");
    await Promise.all(others.map((agent, i) => connect(agent, others[(i + 1) % 19]!)));
    await acquainted();
    // gossipsub takes the word of a new peer for a second or two before it looks at the score.
    await pass(3_000);
    expect(await heardTwice()).toEqual([]);
  });

  it("keep one of two connections that crossed", async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const [alice, bob] = [await start("alice"), await start("bob")];
    const before = sockets();
    await Promise.all([connect(alice, bob), connect(bob, alice)]);
    expect(sockets() - before).toBe(4);
    await until(() => sockets() - before === 2, "one connection with two ends is left");
    await pass(1_500);
    expect(sockets() - before).toBe(2);
    await acquainted();
  });

  it("carry broadcasts to a member that starts again before its old connection is known to be dead", async () => {
    const [alice, bobBefore] = [await start("alice"), await start("bob")];
    await connect(bobBefore, alice);
    await acquainted();
    agents.splice(1, 1);
    const bob = await start("bob");
    await connect(bob, alice);
    await acquainted();
    expect(alice.link.connected()).toEqual([bob.link.self]);
    await bobBefore.link.stop();
    expect(alice.link.connected()).toEqual([bob.link.self]);
  });

  it("give a stranger's libp2p nothing but requests", async () => {
    const alice = await start("alice");
    const { node, key } = await startRaw();
    alice.standings.set(key, "stranger");
    let opened = 0;
    await node.handle(["/meshsub/1.1.0", "/meshsub/1.2.0"], () => void opened++);
    const connection = await node.dial(addressOf(alice));

    for (const protocol of ["/meshsub/1.0.0", "/meshsub/1.1.0", "/meshsub/1.2.0"]) {
      const stream = await connection.newStream(protocol);
      await until(() => isOver(stream), `${protocol} is reset`);
    }
    for (const protocol of ["/floodsub/1.0.0", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"]) {
      await expect(connection.newStream(protocol)).rejects.toMatchObject({ name: "UnsupportedProtocolError" });
    }

    const stream = await connection.newStream(REQUEST_PROTOCOL);
    stream.send(encodeRequest({ channel: "enrol", body: Buffer.from("let me in") }));
    const answer = await readFrame(stream, atMost(1_000), 5_000, AbortSignal.timeout(5_000));
    expect(Buffer.from(answer.subarray(1)).toString()).toBe("let me in");
    expect(opened).toBe(0);
    expect(connection.status).toBe("open");
  });

  it("open gossip to a member's libp2p, and ask it again when they do not know what it listens to", async () => {
    const alice = await start("alice");
    const { node } = await startRaw();
    const connection = await node.dial(addressOf(alice));
    const stream = await connection.newStream("/meshsub/1.2.0");
    await pass(1_500);
    expect(stream.status).toBe("open");
    await until(() => isOver(stream), "the stream that says nothing is reset");
    expect(connection.status).toBe("open");
    expect((await connection.newStream("/meshsub/1.2.0")).status).toBe("open");
  });

  it("hold a connection of a refused key for no protocol at all", async () => {
    const alice = await start("alice");
    const { node, key } = await startRaw();
    alice.standings.set(key, "refused");
    const connection = await node.dial(addressOf(alice)).catch(() => null);
    await until(() => connection === null || connection.status !== "open", "the connection is closed");
    expect(alice.link.connected()).toEqual([]);
  });

  it("refuse an identity that is no Ed25519 key", async () => {
    const alice = await start("alice");
    const node = await createLibp2p({
      privateKey: await generateKeyPair("secp256k1"),
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    });
    strangers.push(node);
    const connection = await node.dial(addressOf(alice)).catch(() => null);
    await until(() => connection === null || connection.status !== "open", "the connection is closed");
    expect(alice.link.connected()).toEqual([]);
  });

  it.each([
    { standing: "member", places: 64 },
    { standing: "stranger", places: 4 },
  ] as const)("serve $places requests of a $standing at once", async ({ standing, places }) => {
    const alice = await start("alice");
    const { node, key } = await startRaw();
    alice.standings.set(key, standing);
    alice.answer = () => new Promise(() => undefined);
    const connection = await node.dial(addressOf(alice));
    const streams: Stream[] = [];
    for (let i = 0; i < places + 1; i++) {
      const stream = await connection.newStream(REQUEST_PROTOCOL, { maxOutboundStreams: 1_000 });
      streams.push(stream);
      if (i < places) stream.send(encodeRequest({ channel: "enrol", body: new Uint8Array(1) }));
    }
    await until(() => streams.some(isOver), "one is refused");
    await until(() => alice.asked === places, "the others are served");
    expect(streams.filter(isOver)).toEqual([streams.at(-1)]);
    expect(connection.status).toBe("open");
  });

  it("are answered by whoever speaks libp2p, whether the question is small or large", async () => {
    const alice = await start("alice");
    const { node, key } = await startRaw();
    await node.handle(REQUEST_PROTOCOL, async (stream) => {
      const request = await readFrame(stream, atMost(100_000), 5_000, AbortSignal.timeout(5_000));
      stream.send(encodeAnswer({ kind: "answered", body: decodeRequest(request)!.body }));
      await stream.close();
    });
    await node.dial(addressOf(alice));
    await until(() => alice.link.connected().includes(key), "alice sees the guest");
    for (const size of [0, 1, 8_000, 9_000, 90_000]) {
      expect(await alice.link.request(key, "echo", new Uint8Array(size).fill(7), 5_000)).toHaveLength(size);
    }
  });

  it("say a small question together with its protocol, and take nothing but that protocol for an answer", async () => {
    const alice = await start("alice");
    const { node, key, wire } = await openBare(alice);
    strangers.push(node);
    let said = Buffer.alloc(0);
    wire.addEventListener("message", ({ data }) => void (said = Buffer.concat([said, data.subarray()])));
    const asked = alice.link.request(key, "echo", Buffer.from("how are you?"), 5_000);
    // Nothing was answered to it yet.
    await until(() => said.includes("how are you?"), "the question has come");
    expect(said.includes(`${REQUEST_PROTOCOL}\n`)).toBe(true);
    const asks = said.indexOf("/multistream/1.0.0");
    const stream = said.readUInt32BE(asks - 1 - 12 + 4);
    const answer = ascii("\u0013/multistream/1.0.0\n\u0003na\n");
    wire.send(concat(frameHead(DATA, 0, stream, answer.length), answer));
    await expect(asked).rejects.toMatchObject({ cause: { name: "UnsupportedProtocolError" } });
  });

  it("reset a request that announces more than the largest size, and take the next one", async () => {
    const alice = await start("alice");
    const { node } = await startRaw();
    const connection = await node.dial(addressOf(alice));
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    const head = new Uint8Array(5);
    new DataView(head.buffer).setUint32(0, MAX_FRAME_BYTES + 257);
    stream.send(head);
    await until(() => isOver(stream), "it is reset");
    expect(alice.asked).toBe(0);
    const next = await connection.newStream(REQUEST_PROTOCOL);
    next.send(encodeRequest({ channel: "enrol", body: new Uint8Array(3) }));
    expect(await readFrame(next, atMost(100), 5_000, AbortSignal.timeout(5_000))).toHaveLength(4);
  });

  it("do not hand on a request whose sender was refused while it sent", async () => {
    const alice = await start("alice");
    const { node, key } = await startRaw();
    const connection = await node.dial(addressOf(alice));
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    const frame = encodeRequest({ channel: "enrol", body: new Uint8Array(10) });
    stream.send(frame.subarray(0, 8));
    await pass(100);
    alice.standings.set(key, "refused");
    stream.send(frame.subarray(8));
    await until(() => isOver(stream), "it is reset");
    expect(alice.asked).toBe(0);
  });

  it("say which address cannot be listened on", async () => {
    const alice = await start("alice");
    const [taken] = alice.link.addresses();
    const listen = async (addresses: string[]) => {
      const link = await createLink("bob", addresses);
      const events = { standing: () => "member" } as unknown as LinkEvents;
      await link.start(events);
    };
    await expect(listen([taken!])).rejects.toMatchObject({ code: "Failed", message: expect.stringContaining(taken!) });
    await expect(listen(["127.0.0.1:0", taken!])).rejects.toMatchObject({ code: "Failed" });
    await expect(listen(["nas.example:4001"])).rejects.toMatchObject({ code: "Invalid" });
  });

  it("leave nothing behind that keeps a process alive", async () => {
    const script = `
      import { createLibp2pLink } from "./src/mesh/libp2p/link.ts";
      import { Secret } from "./src/core/secret.ts";
      const links = [];
      for (const fill of [1, 2]) {
        const link = await createLibp2pLink({
          seed: new Secret(new Uint8Array(32).fill(fill)), meshId: "00", listen: ["127.0.0.1:0"], mdns: true,
          interfaces: { addresses: () => [] },
          log: { write() {} },
        });
        await link.start({
          standing: () => "member", opened() {}, closed() {}, request: () => new Promise(() => {}), broadcast() {},
          discovered() {},
        });
        links.push(link);
      }
      await links[0].dial(links[1].self, links[1].addresses(), 5000);
      const asked = links[0].request(links[1].self, "echo", new Uint8Array(1), 60000).catch((error) => error.code);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await Promise.all(links.map((link) => link.stop()));
      console.log(await asked);
    `;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: root,
      timeout: 30_000,
    });
    expect(await run).toMatchObject({ stdout: "PeerUnreachable\n", stderr: "" });
  });
});

describe("a frame", () => {
  let nodes: Libp2p[];

  beforeEach(() => {
    nodes = [];
  });

  afterEach(async () => {
    await Promise.all(nodes.map(async (node) => node.stop()));
  });

  /** What the reading of a frame comes to when the other side does this. */
  async function read(
    send: (stream: Stream) => unknown,
    signal = AbortSignal.timeout(5_000),
    before?: Uint8Array,
  ): Promise<unknown> {
    const [reader, writer] = await Promise.all(
      [1, 2].map(() =>
        createLibp2p({
          addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
          transports: [tcp()],
          connectionEncrypters: [noise()],
          streamMuxers: [yamux()],
        }),
      ),
    );
    nodes.push(reader!, writer!);
    const outcome = Promise.withResolvers<unknown>();
    await reader!.handle("/frame", (stream) =>
      readFrame(stream, atMost(100), 200, signal, before).then(
        (payload) => outcome.resolve(Buffer.from(payload).toString()),
        (error: Error) => outcome.resolve(error.message),
      ),
    );
    await send(await writer!.dialProtocol(reader!.getMultiaddrs(), "/frame"));
    return outcome.promise;
  }

  const framed = (payload: string, announced = payload.length) =>
    Buffer.concat([Buffer.of(0, 0, 0, announced), Buffer.from(payload)]);

  it("is read whole, however it is cut into pieces", async () => {
    const inPieces = async (stream: Stream) => {
      for (const byte of framed("hello")) {
        stream.send(Uint8Array.of(byte));
        await pass(5);
      }
    };
    expect(await read((stream) => stream.send(framed("hello")))).toBe("hello");
    expect(await read(inPieces)).toBe("hello");
    expect(await read((stream) => stream.send(framed("")))).toBe("");
  });

  it("is read when the other side has closed before the reading began", async () => {
    const sendAndClose = async (stream: Stream) => {
      stream.send(framed("gone"));
      await stream.close();
    };
    expect(await read(sendAndClose)).toBe("gone");
  });

  it("is read behind what has to come before it, and behind nothing else", async () => {
    const behind = (before: string) => (stream: Stream) => stream.send(concat(ascii(before), framed("hello")));
    const signal = AbortSignal.timeout(5_000);
    expect(await read(behind("yes: "), signal, ascii("yes: "))).toBe("hello");
    expect(await read(behind("no!: "), signal, ascii("yes: "))).toMatch("did not choose the protocol");
    expect(await read(behind("yes: "))).toMatch("was announced");
  });

  it("is refused when too large, when more follows, when it ends early and when nothing comes", async () => {
    expect(await read((stream) => stream.send(framed("", 101)))).toMatch("101 bytes was announced");
    expect(await read((stream) => stream.send(framed("hello!", 5)))).toMatch("more than one frame");
    expect(await read((stream) => [stream.send(framed("hel", 5)), stream.close()])).toMatch("ended early");
    expect(await read((stream) => [stream.send(framed("hel", 5)), stream.abort(new Error("no"))])).toMatch(
      "ended early",
    );
    expect(await read((stream) => stream.send(framed("hel", 5)))).toMatch("nothing was sent for 200 ms");
    expect(await read(() => undefined, AbortSignal.abort(new Error("enough")))).toBe("enough");
  });
});
