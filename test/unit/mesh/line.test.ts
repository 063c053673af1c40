import type { Connection, Stream } from "@libp2p/interface";
import type { Libp2p } from "libp2p";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  LENGTH_BYTES,
  numbered,
  numberOf,
} from "../../../src/mesh/frames.ts";
import { atMost, readFrame } from "../../../src/mesh/libp2p/read-frame.ts";
import {
  addressOf,
  type Host,
  LINE_PROTOCOL,
  pass,
  REQUEST_PROTOCOL,
  startGuest,
  startHost,
  until,
} from "./wire-guests.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (body: Uint8Array) => Buffer.from(body).toString();

describe("small questions between members", () => {
  let hosts: Host[];
  let guests: Libp2p[];
  let alice: Host;
  let bob: Host;

  beforeEach(async () => {
    [hosts, guests] = [[], []];
    [alice, bob] = [await start("alice"), await start("bob")];
    await alice.link.dial(bob.link.self, bob.link.addresses(), 20_000);
  });

  afterEach(async () => {
    await Promise.all([...hosts.map(({ link }) => link.stop()), ...guests.map((node) => node.stop())]);
  });

  async function start(name: string): Promise<Host> {
    const host = await startHost(name);
    hosts.push(host);
    return host;
  }

  async function guest(): Promise<{ readonly node: Libp2p; readonly key: string }> {
    const started = await startGuest();
    guests.push(started.node);
    return started;
  }

  const ask = (words: string, timeoutMs = 5_000) =>
    alice.link.request(bob.link.self, "echo", bytes(words), timeoutMs, "small");

  it("share one stream, and a slow answer keeps no other waiting", async () => {
    await ask("hello");
    const { streams } = alice.link.stats();
    const slow = Promise.withResolvers<Uint8Array>();
    bob.answer = (body) => (text(body) === "slow" ? slow.promise : Promise.resolve(body));
    const late = ask("slow");
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`${i}`)));
    expect(answers.map(text)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
    expect(alice.link.stats().streams).toBe(streams);
    slow.resolve(bytes("at last"));
    expect(text(await late)).toBe("at last");
  });

  it("are told what went wrong there, each by itself", async () => {
    bob.answer = (body) =>
      text(body) === "bad" ? Promise.reject(new Error("of no use")) : Promise.resolve(bytes("fine"));
    const [bad, good] = await Promise.allSettled([ask("bad"), ask("good")]);
    expect(bad).toMatchObject({ reason: { code: "PeerFailed", message: "of no use" } });
    expect(good).toMatchObject({ status: "fulfilled" });
  });

  it("end by their own time, and the next ones are answered", async () => {
    bob.answer = (body) => (text(body) === "never" ? new Promise(() => undefined) : Promise.resolve(body));
    await expect(ask("never", 300)).rejects.toMatchObject({ code: "PeerTimeout" });
    expect(text(await ask("again"))).toBe("again");
  });

  it("fail when the connection goes", async () => {
    bob.answer = () => new Promise(() => undefined);
    const failure = ask("hello", 60_000).catch((error: unknown) => error);
    await until(() => bob.asked === 1, "bob is asked");
    await alice.link.hangUp(bob.link.self);
    expect(await failure).toMatchObject({ code: "PeerUnreachable" });
  });

  it("are not answered any more once their asker is refused", async () => {
    expect(text(await ask("hello"))).toBe("hello");
    bob.standings.set(alice.link.self, "stranger");
    await expect(ask("hello")).rejects.toMatchObject({ code: "PeerUnreachable" });
    expect(bob.asked).toBe(1);
  });

  it("that are large after all, or are asked of an earlier release, go another way", async () => {
    const large = "x".repeat(20_000);
    expect(text(await ask(large))).toBe(large);
    const { node, key } = await guest();
    await node.handle(REQUEST_PROTOCOL, async (stream) => {
      await readFrame(stream, atMost(1000), 5_000, AbortSignal.timeout(5_000));
      stream.send(encodeAnswer({ kind: "answered", body: bytes("as ever") }));
    });
    await node.dial(addressOf(alice));
    await until(() => alice.link.connected().includes(key), "alice sees the guest");
    for (let i = 0; i < 2; i++) {
      expect(text(await alice.link.request(key, "echo", bytes("hello"), 5_000, "small"))).toBe("as ever");
    }
  });

  describe("from somebody who keeps to no rule", () => {
    let connection: Connection;
    let line: Stream;
    let key: string;

    const isOver = () => line.status !== "open";

    beforeEach(async () => {
      const rude = await guest();
      key = rude.key;
      connection = await rude.node.dial(addressOf(bob));
      line = await connection.newStream(LINE_PROTOCOL);
    });

    it("end the line when one is larger than small ones are", async () => {
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, 16 * 1024 + 5);
      line.send(head);
      await until(isOver, "the line is reset");
      expect(bob.asked).toBe(0);
      expect(connection.status).toBe("open");
    });

    it("end the line when there are too many at once", async () => {
      bob.answer = () => new Promise(() => undefined);
      for (let i = 0; i < 65; i++) line.send(numbered(encodeRequest({ channel: "echo", body: bytes("?") }), i));
      await until(isOver, "the line is reset");
      expect(bob.asked).toBe(64);
    });

    it("end the line when its answers are not read", async () => {
      bob.answer = async () => new Uint8Array(60_000);
      line.pause();
      for (let i = 0; i < 60 && !isOver(); i++) {
        line.send(numbered(encodeRequest({ channel: "echo", body: bytes("?") }), i));
        await pass(5);
      }
      await until(isOver, "the line is reset");
      expect(connection.status).toBe("open");
    });

    it("are not taken from a stranger", async () => {
      bob.standings.set(key, "stranger");
      const stranger = await connection.newStream(LINE_PROTOCOL);
      await until(() => stranger.status !== "open", "it is reset");
      expect(bob.asked).toBe(0);
    });
  });

  describe("to somebody who keeps to no rule", () => {
    /** That alice has opened to it, in order. */
    let lines: Stream[];
    let taken: (words: string, reply: (answer: string) => void, line: Stream) => void;
    let rude: Awaited<ReturnType<typeof guest>>;

    const askRude = (words: string, timeoutMs = 10_000) =>
      alice.link.request(rude.key, "echo", bytes(words), timeoutMs, "small").then(text);

    const reply = (line: Stream, number: number, words: string) =>
      line.send(numbered(encodeAnswer({ kind: "answered", body: bytes(words) }), number));

    /** The length of a frame that has not come yet. */
    const announce = (line: Stream, length: number) => {
      const head = new Uint8Array(LENGTH_BYTES);
      new DataView(head.buffer).setUint32(0, length);
      line.send(head);
    };

    beforeEach(async () => {
      lines = [];
      taken = (words, answer) => answer(words);
      rude = await guest();
      await rude.node.handle(LINE_PROTOCOL, (line) => {
        lines.push(line);
        let unread = Buffer.alloc(0);
        line.addEventListener("message", ({ data }) => {
          unread = Buffer.concat([unread, data.subarray()]);
          while (unread.length >= LENGTH_BYTES && unread.length >= LENGTH_BYTES + unread.readUint32BE()) {
            const end = LENGTH_BYTES + unread.readUint32BE();
            const { number, payload } = numberOf(Uint8Array.from(unread.subarray(LENGTH_BYTES, end)));
            unread = unread.subarray(end);
            taken(text(decodeRequest(payload)?.body ?? bytes("")), (words) => reply(line, number, words), line);
          }
        });
      });
      await rude.node.dial(addressOf(alice));
      await until(() => alice.link.connected().includes(rude.key), "alice sees the guest");
    });

    it("have each its own answer, in whatever order they come", async () => {
      const waiting: (() => void)[] = [];
      taken = (words, answer) => {
        waiting.push(() => answer(`of ${words}`));
        if (waiting.length === 20) for (const give of waiting.reverse()) give();
      };
      const asked = Array.from({ length: 20 }, (_, i) => askRude(`${i}`));
      expect(await Promise.all(asked)).toEqual(asked.map((_, i) => `of ${i}`));
      expect(lines).toHaveLength(1);
    });

    it("have no other answer by what is said twice, or without end, or to nobody", async () => {
      taken = (words, answer, line) => {
        for (let number = 1_000; number < 21_000; number++) reply(line, number, "who asked?");
        answer(words);
        answer("something else");
      };
      expect(await askRude("first")).toBe("first");
      expect(await askRude("second")).toBe("second");
      expect(lines).toHaveLength(1);
    });

    it("fail by an answer that is larger than small ones are, and the next has another line", async () => {
      taken = (_, __, line) => announce(line, 64 * 1024 + LENGTH_BYTES + 1);
      await expect(askRude("first")).rejects.toMatchObject({ code: "PeerUnreachable" });
      taken = (words, answer) => answer(words);
      expect(await askRude("second")).toBe("second");
      expect(lines).toHaveLength(2);
      expect(alice.link.connected()).toContain(rude.key);
    });

    it.each([
      ["is mute", () => undefined],
      ["gives one byte after the other and never the last", (line: Stream) => announce(line, 60_000)],
    ])(
      "end by their own time where the line %s and the connection is not, and the next has another",
      async (_, begin) => {
        taken = (__, ___, line) => begin(line);
        const own = await rude.node.getConnections()[0]!.newStream(LINE_PROTOCOL);
        const speaks = setInterval(() => {
          own.send(numbered(encodeRequest({ channel: "echo", body: bytes("?") }), 1));
          if (begin.length > 0 && lines[0]?.status === "open") lines[0].send(new Uint8Array(1));
        }, 20);
        try {
          await expect(askRude("first", 1_000)).rejects.toMatchObject({ code: "PeerTimeout" });
          taken = (words, answer) => answer(words);
          expect(await askRude("second")).toBe("second");
          expect(lines).toHaveLength(2);
          await until(() => lines[0]?.status !== "open", "the first line is over");
        } finally {
          clearInterval(speaks);
        }
      },
    );
  });
});
