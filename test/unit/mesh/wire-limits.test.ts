import { connect, type Socket } from "node:net";
import type { Stream } from "@libp2p/interface";
import type { Libp2p } from "libp2p";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_FRAME_BYTES } from "../../../src/core/ports/link.ts";
import { encodeRequest } from "../../../src/mesh/frames.ts";
import { MEMBER, STRANGER } from "../../../src/mesh/libp2p/muxer.ts";
import { MAX_HALF_OPEN_PER_ADDRESS } from "../../../src/mesh/libp2p/wire.ts";
import {
  addressOf,
  type BareConnection,
  DATA,
  frameHead,
  type Host,
  openBare,
  PING,
  pass,
  REQUEST_PROTOCOL,
  SYN,
  startGuest,
  startHost,
  until,
  WINDOW_UPDATE,
} from "./wire-guests.ts";

const MIB = 1024 * 1024;
/** Ten seconds later a connection ends whose muxer does not answer. */
const BEFORE_PINGS_MS = 5_000;
/** What somebody may ask for without ever choosing. */
const UNKNOWN_PROTOCOLS = Buffer.from("\x08/what/1\n".repeat(100));

describe("a link bounds what others make it hold", () => {
  let host: Host;
  let nodes: Libp2p[];
  let sockets: Socket[];

  beforeEach(async () => {
    host = await startHost("nas");
    [nodes, sockets] = [[], []];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([host.link.stop(), ...nodes.map((node) => node.stop())]);
  });

  function openSocket(): Promise<Socket> {
    const [hostname, port] = host.link.addresses()[0]!.split(":");
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => resolve(socket));
      sockets.push(socket);
      socket.once("error", reject);
      // A reset after that is what is waited for.
      socket.on("error", () => undefined);
      // Read, or its end is never noticed.
      socket.resume();
    });
  }

  async function bare(): Promise<BareConnection> {
    const guest = await openBare(host);
    nodes.push(guest.node);
    return guest;
  }

  /** Whether an honest member still connects and is answered. */
  async function expectService(): Promise<void> {
    const { node, key } = await startGuest();
    nodes.push(node);
    host.standings.set(key, "member");
    const connection = await node.dial(addressOf(host));
    const before = host.asked;
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    stream.send(encodeRequest({ channel: "x", body: new Uint8Array(1) }));
    await until(() => host.asked > before, "it is asked");
  }

  const isOver = (stream: Stream) => stream.status === "reset" || stream.status === "aborted";

  it("places for those who say nothing, of one address and for ten seconds", async () => {
    for (let i = 0; i < MAX_HALF_OPEN_PER_ADDRESS; i++) {
      await openSocket();
      // Below what one address may open in a second.
      await pass(6);
    }
    await until(() => host.link.stats().halfOpen === MAX_HALF_OPEN_PER_ADDRESS, "all places are taken");
    const tooMany = openSocket().catch(() => undefined);
    await until(() => host.link.stats().refusedConnections > 0, "one more is turned away");
    await tooMany;
    await until(() => sockets.at(-1)!.destroyed, "its socket is closed");
    expect(host.link.stats().refusedConnections).toBe(1);
    await until(() => host.link.stats().halfOpen === 0, "the silent ones are gone", 15_000);
    await until(() => sockets.every(({ destroyed }) => destroyed), "and their sockets");
    await expectService();
  }, 40_000);

  it("bytes of those who prove no key", async () => {
    const socket = await openSocket();
    for (let i = 0; i < 2_000 && !socket.destroyed; i++) {
      socket.write(UNKNOWN_PROTOCOLS);
      await pass(1);
    }
    expect(socket.destroyed).toBe(true);
    expect(host.link.stats().receivedBytes).toBeLessThan(100_000);
    await expectService();
  });

  it.each(["stranger", "member"] as const)("a frame that a %s announces and never ends", async (standing) => {
    host.standing = standing;
    const { connection, wire } = await bare();
    wire.send(frameHead(WINDOW_UPDATE, SYN, 1, 0));
    wire.send(frameHead(DATA, 0, 1, 0xffff_ffff));
    await until(() => connection.status !== "open", "the connection is ended", BEFORE_PINGS_MS);
    await expectService();
  });

  it("streams that a stranger opens, more than a few", async () => {
    host.standing = "stranger";
    const { node } = await startGuest();
    nodes.push(node);
    const connection = await node.dial(addressOf(host));
    host.answer = () => new Promise(() => undefined);
    const { wire, connection: silent } = await bare();
    for (let i = 0; i < 200; i++) wire.send(frameHead(WINDOW_UPDATE, SYN, 2 * i + 1, 0));
    await until(() => host.link.stats().refusedConnections >= 200 - STRANGER.streams, "the others are refused");
    expect(host.link.stats().streams).toBeLessThanOrEqual(STRANGER.streams);
    expect([connection.status, silent.status]).toEqual(["open", "open"]);
  });

  it("streams that a member opens, more than many", async () => {
    const { wire, connection } = await bare();
    for (let i = 0; i < MEMBER.streams + 50; i++) wire.send(frameHead(WINDOW_UPDATE, SYN, 2 * i + 1, 0));
    await until(() => host.link.stats().refusedConnections >= 50, "the others are refused");
    expect(host.link.stats().streams).toBeLessThanOrEqual(MEMBER.streams);
    expect(connection.status).toBe("open");
  });

  it("a stream on which no protocol is chosen", async () => {
    const { wire } = await bare();
    const before = host.link.stats().refusedConnections;
    wire.send(frameHead(WINDOW_UPDATE, SYN, 1, 0));
    for (let i = 0; i < 20; i++) {
      wire.send(frameHead(DATA, 0, 1, UNKNOWN_PROTOCOLS.length));
      wire.send(UNKNOWN_PROTOCOLS);
    }
    await until(() => host.link.stats().refusedConnections > before, "it is reset");
    await until(() => host.link.stats().streams === 0, "and gone");
    expect(host.asked).toBe(0);
  });

  it("what a stranger sends in all", async () => {
    host.standing = "stranger";
    const { wire, connection } = await bare();
    wire.send(frameHead(WINDOW_UPDATE, SYN, 1, 0));
    // For a stream that is none: read, and dropped.
    for (let i = 0; i < 40 && connection.status === "open"; i++) {
      wire.send(frameHead(DATA, 0, 3, 64 * 1024));
      wire.send(new Uint8Array(64 * 1024));
      await pass(1);
    }
    await until(() => connection.status !== "open", "the connection is ended", BEFORE_PINGS_MS);
    expect(host.link.stats().receivedBytes).toBeLessThan(8 * MIB);
  });

  it("answers that a member demands and does not read", async () => {
    const { wire, connection } = await bare();
    wire.pause();
    for (let i = 0; i < 2_000; i++) wire.send(frameHead(PING, SYN, 0, i));
    await until(() => connection.status !== "open", "the connection is ended", BEFORE_PINGS_MS);
    expect(host.link.stats().sentBytes).toBeLessThan(100_000);
    await expectService();
  });

  it("a request of a stranger that is larger than an enrolment", async () => {
    const { node, key } = await startGuest();
    nodes.push(node);
    host.standings.set(key, "stranger");
    const connection = await node.dial(addressOf(host));
    const stream = await connection.newStream(REQUEST_PROTOCOL);
    stream.send(encodeRequest({ channel: "enrol", body: new Uint8Array(17 * 1024) }));
    await until(() => isOver(stream), "it is reset");
    expect(host.asked).toBe(0);
    expect(connection.status).toBe("open");
  });

  it("requests of a member that are announced and never sent", async () => {
    const { node } = await startGuest();
    nodes.push(node);
    const connection = await node.dial(addressOf(host));
    const streams: Stream[] = [];
    for (let i = 0; i < 8; i++) {
      const stream = await connection.newStream(REQUEST_PROTOCOL);
      const head = new Uint8Array(5);
      new DataView(head.buffer).setUint32(0, MAX_FRAME_BYTES);
      stream.send(head);
      streams.push(stream);
    }
    await until(() => streams.filter(isOver).length === 4, "four are refused");
    await pass(300);
    expect(streams.filter(isOver)).toHaveLength(4);
  });
});
