import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Stream } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import type { Libp2p } from "libp2p";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeRequest } from "../../src/mesh/frames.ts";
import { MAX_STRANGERS } from "../../src/mesh/doorstep.ts";
import { MAX_HALF_OPEN } from "../../src/mesh/libp2p/wire.ts";
import { startGuest } from "../unit/mesh/wire-guests.ts";
import { Lab, type Machine, until } from "./lab.ts";
import { type Target, targetOf } from "./mole.ts";

/** What other programs of libp2p speak; gossipsub's are the ones that an agent speaks as well, with members. */
const FOREIGN = [
  ...["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", "/floodsub/1.0.0", "/meshsub/1.0.0"],
  ...["/meshsub/1.1.0", "/meshsub/1.2.0", "/meshsub/1.3.0", "/ipfs/kad/1.0.0", "/ipfs/lan/kad/1.0.0"],
  ...["/libp2p/circuit/relay/0.2.0/hop", "/libp2p/circuit/relay/0.2.0/stop", "/libp2p/autonat/1.0.0"],
  ...["/libp2p/autonat/2/dial-request", "/libp2p/dcutr", "/libp2p/fetch/0.0.1", "/ipfs/bitswap/1.2.0", "/http/1.1"],
  ...["/rendezvous/1.0.0", "/perf/1.0.0", "/webrtc-signaling/0.0.1", "/yamux/1.0.0", "/noise", "/lab/1/request"],
];

const CHANNELS = [
  "sync",
  "api",
  "ping",
  "probe",
  "secret/get",
  "secret/put",
  "secret/list",
  "secret/fetch",
  "alarm",
  "",
  "x",
];

const MIB = 1024 * 1024;

describe("a whole agent and strangers with a libp2p of their own", () => {
  let lab: Lab;
  let nas: Machine;
  let web: Machine;
  let target: Target;
  let protocol: string;
  const nodes: Libp2p[] = [];
  const sockets: Socket[] = [];

  beforeAll(async () => {
    lab = Lab.open();
    [nas, web] = [lab.machine("nas-1"), lab.machine("web-1")];
    await nas.found();
    await web.join(await nas.token("--name", "web-1"));
    target = await targetOf(nas);
    protocol = `/lab/1/${(await nas.status()).mesh.slice(0, 16)}/request`;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const node of nodes.splice(0)) await node.stop();
    expect([nas.isAlive, web.isAlive]).toEqual([true, true]);
  });

  afterAll(() => lab.close());

  const address = (): Multiaddr => {
    const [host, port] = target.address.split(":");
    return multiaddr(`/ip4/${host}/tcp/${port}`);
  };

  async function guest(): Promise<{ readonly node: Libp2p; readonly connection: Connection }> {
    const { node } = await startGuest();
    nodes.push(node);
    return { node, connection: await node.dial(address()) };
  }

  /** Everything that comes back on a stream until it ends, after `words` were said on it. */
  async function hear(connection: Connection, name: string, words: Uint8Array): Promise<Buffer | "refused"> {
    let stream: Stream;
    try {
      stream = await connection.newStream(name, { signal: AbortSignal.timeout(5_000) });
      stream.send(words);
    } catch {
      return "refused";
    }
    const heard: Uint8Array[] = [];
    stream.addEventListener("message", ({ data }) => heard.push(data.subarray()));
    const ended = new Promise<void>((resolve) => {
      for (const event of ["end", "close"] as const) stream.addEventListener(event, () => resolve());
    });
    await Promise.race([ended, sleep(5_000)]);
    stream.abort(new Error("heard enough"));
    return heard.length === 0 ? "refused" : Buffer.concat(heard);
  }

  async function metric(name: string): Promise<number> {
    const { body } = await nas.ask("GET", "/metrics");
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(body as string)?.[1]);
  }

  /** Members are served: one that has just started gets in, and what somebody signs reaches it. */
  async function expectService(label: string): Promise<void> {
    await web.killAgent();
    await web.startAgent();
    await nas.run(["label", "server", "web-1", label]);
    await until(`web-1 hears of ${label}`, async () =>
      (await web.servers()).some(({ labels }) => labels.includes(label)),
    );
  }

  it("answers a stranger on the protocol of enrolment, and on no other does it say a byte", async () => {
    const { node, connection } = await guest();
    const opened: string[] = [];
    for (const name of [...FOREIGN, protocol]) {
      await node.handle(name, (stream) => void opened.push(stream.protocol), { runOnLimitedConnection: true });
    }
    const mesh = protocol.split("/")[3] as string;
    const near = [`/lab/1/${mesh}/gossip`, `/lab/2/${mesh}/request`, `/lab/1/${"0".repeat(16)}/request`, "ls", "/"];
    for (const name of [...FOREIGN, ...near]) {
      expect(await hear(connection, name, new Uint8Array([0, 1, 2, 3])), name).toBe("refused");
    }
    const answers = new Map<string, string>();
    for (const channel of CHANNELS) {
      const { connection: fresh } = await guest();
      const said = await hear(fresh, protocol, encodeRequest({ channel, body: new Uint8Array(1) }));
      // The length, the status of a failure, and the words.
      answers.set(channel, said === "refused" ? said : said.subarray(4).toString("latin1"));
    }
    expect([...new Set(answers.values())]).toEqual(["\u0001not a member of this mesh"]);
    const knock = await hear(connection, protocol, encodeRequest({ channel: "enrol", body: new Uint8Array(1) }));
    expect(knock).not.toBe("refused");

    // What members tell each other passes it by.
    await nas.run(["label", "server", "web-1", "gossiped"]);
    await until("web-1 has heard", async () => (await web.servers()).some(({ labels }) => labels.includes("gossiped")));
    expect(opened).toEqual([]);
    expect(connection.status).toBe("open");
  }, 60_000);

  it("tells no list of what it speaks", async () => {
    const { connection } = await guest();
    // multistream-select's own question.
    const heard = await hear(connection, protocol, encodeRequest({ channel: "x", body: new Uint8Array(1) }));
    expect(heard).not.toBe("refused");
    const list = await hearRaw(connection, "\x13/multistream/1.0.0\n\x03ls\n");
    expect(list).not.toContain("/lab/");
    expect(list).not.toContain("/meshsub/");
  });

  /** A stream on which nothing is chosen, only said. */
  async function hearRaw(connection: Connection, words: string): Promise<string> {
    const muxer = (connection as unknown as { muxer: { createStream(): Promise<Stream> } }).muxer;
    const stream = await muxer.createStream();
    const heard: Uint8Array[] = [];
    stream.addEventListener("message", ({ data }) => heard.push(data.subarray()));
    stream.send(Buffer.from(words, "latin1"));
    await sleep(1_000);
    stream.abort(new Error("heard enough"));
    return Buffer.concat(heard).toString("latin1");
  }

  it("keeps its places for those who prove a key, when many addresses say nothing and never end", async () => {
    const [host, port] = target.address.split(":");
    // More than all places: each address takes as many as one may have.
    const open = (from: string) => {
      const socket = connect({ host, port: Number(port), localAddress: from });
      sockets.push(socket);
      socket.on("error", () => undefined);
      socket.resume();
      // Enough to begin a handshake, and never more.
      socket.write("\x13/multistream/1.0.0\n");
    };
    const crowd = async () => {
      for (let i = 0; i < 150; i++) {
        for (let address = 2; address < 8; address++) open(`127.0.0.${address}`);
        await sleep(8);
      }
    };
    await crowd();
    await until("all places are taken", async () => (await metric("lab_link_half_open_connections")) === MAX_HALF_OPEN);
    // Whoever is to be enrolled can only dial.
    const { connection } = await guest();
    expect(connection.status).toBe("open");
    const again = crowd();
    const newcomer = lab.machine("pi-1", "nobody");
    await newcomer.run(["join", await nas.token("--name", "pi-1")]);
    await expectService("crowded");
    await again;
    expect(await metric("lab_link_half_open_connections")).toBeLessThanOrEqual(MAX_HALF_OPEN);
  }, 60_000);

  it("bounds what strangers with keys occupy, who stay, send slowly, send too much and come back", async () => {
    const beforeBytes = await metric("process_resident_memory_bytes");
    const states: string[] = [];
    for (let i = 0; i < 3 * MAX_STRANGERS; i++) {
      const { connection } = await guest();
      connection.addEventListener("close", () => states.push("closed"));
      const stream = await connection.newStream(protocol).catch(() => null);
      // A third sends a byte now and then, a third a size that nobody may send, a third as much as it can.
      if (i % 3 === 0) stream?.send(new Uint8Array([0, 0, 1, 0, 1]));
      if (i % 3 === 1) stream?.send(new Uint8Array([255, 255, 255, 255]));
      if (i % 3 === 2) {
        stream?.send(new Uint8Array([0, 0, 63, 255]));
        for (let n = 0; n < 64; n++) stream?.send(new Uint8Array(32 * 1024));
      }
    }
    expect(await metric("lab_mesh_strangers")).toBeLessThanOrEqual(MAX_STRANGERS);
    await until("those beyond the most are gone", () => states.length >= 2 * MAX_STRANGERS);
    await expectService("besieged");
    expect(await metric("lab_link_connections")).toBeLessThanOrEqual(MAX_STRANGERS + 2);
    expect(await metric("lab_link_streams")).toBeLessThanOrEqual(8 * MAX_STRANGERS + 16);
    expect((await metric("process_resident_memory_bytes")) - beforeBytes).toBeLessThan(96 * MIB);
  }, 90_000);
});
