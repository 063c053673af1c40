import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { MultiaddrConnection } from "@libp2p/interface";
import { describe, expect, it } from "vitest";
import { Wire } from "../../../src/mesh/libp2p/wire.ts";

/** A connection of libp2p as far as the wire knows it, and what it hands to the kernel at a time. */
function connection() {
  const packets: string[] = [];
  const socket = new Writable({
    highWaterMark: 8,
    write: (chunk, _encoding, done) => {
      packets.push(String(chunk));
      done();
    },
    writev: (chunks, done) => {
      packets.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      done();
    },
  });
  const raw = {
    socket,
    onData: () => undefined,
    sendData: (data: Uint8Array) => ({ sentBytes: data.byteLength, canSendMore: socket.write(data) }),
  };
  return { raw, packets, opened: raw as unknown as MultiaddrConnection };
}

describe("what is said over a connection", () => {
  it("in one turn of the event loop leaves in one packet, in its order", async () => {
    const { raw, packets, opened } = connection();
    new Wire().outbound(opened);
    raw.sendData(Buffer.from("le"));
    raw.sendData(Buffer.from("ng"));
    await Promise.resolve();
    raw.sendData(Buffer.from("th"));
    expect(packets).toEqual([]);
    await turn();
    expect(packets).toEqual(["length"]);
    raw.sendData(Buffer.from("x"));
    await turn();
    expect(packets).toEqual(["length", "x"]);
  });

  it("still tells its sender when there is too much of it", async () => {
    const { raw, packets, opened } = connection();
    const wire = new Wire();
    wire.outbound(opened);
    expect(raw.sendData(Buffer.from("1234")).canSendMore).toBe(true);
    expect(raw.sendData(Buffer.from("5678")).canSendMore).toBe(false);
    await turn();
    expect(packets).toEqual(["12345678"]);
    expect(wire.sentBytes).toBe(8);
  });
});
