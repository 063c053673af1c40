import type { LinkEvents, Standing } from "../../src/core/ports/link.ts";
import { encodeAnswer, numbered, numberOf } from "../../src/mesh/frames.ts";
import { Lines } from "../../src/mesh/line.ts";
import { serveLine } from "../../src/mesh/line-serving.ts";
import { Places, REQUESTS_AT_ONCE } from "../../src/mesh/places.ts";
import { Transfers } from "../../src/mesh/transfers.ts";
import type { Random } from "../../src/core/ports/random.ts";
import type { World } from "../world.ts";
import type { ReadAlong } from "./checks.ts";
import { StreamEnd, type Watcher } from "./stream.ts";

/** From asking for a stream to having it. */
const OPEN_MS = 100;
/** What an answer takes at most, while nothing is wrong. */
export const SLOWEST_MS = 1_000;
const LARGE_BYTES = 50_000;

/** What is at the other end of a connection and may be asked. */
export interface Answerer {
  readonly name: string;
  /** A line was opened to it. */
  opened(stream: StreamEnd): void;
}

/** What alice knows a peer by. */
export interface Connection {
  readonly to: Answerer;
  /** The asking ends of all lines that were opened, the newest last. */
  readonly streams: StreamEnd[];
  /** Since when nothing comes over it, whatever is sent; null while all is well. */
  silentSinceMs: number | null;
  /** How many of the next lines cannot be opened. */
  refusals: number;
}

/** The shipped side that asks, and its connections. */
export class Asker {
  readonly lines: Lines<Connection>;
  readonly #world: World;
  readonly #random: Random;
  readonly #watcher: Watcher;
  readonly #readAlong: ReadAlong;

  constructor(world: World, watcher: Watcher, readAlong: ReadAlong) {
    this.#world = world;
    this.#random = world.random.fork("lines asker");
    this.#watcher = watcher;
    this.#readAlong = readAlong;
    this.lines = new Lines({
      open: (connection) => this.#open(connection),
      silentMs: ({ silentSinceMs }) => (silentSinceMs === null ? 0 : world.clock.monotonic() - silentSinceMs),
      clock: world.clock,
    });
  }

  connect(to: Answerer): Connection {
    return { to, streams: [], silentSinceMs: null, refusals: 0 };
  }

  async #open(connection: Connection): Promise<StreamEnd> {
    const { clock } = this.#world;
    await new Promise<void>((resolve) => clock.after(this.#random.below(OPEN_MS), resolve));
    if (connection.refusals-- > 0) throw new Error("no stream can be opened");
    connection.refusals = 0;
    const names = [`alice to ${connection.to.name}`, `${connection.to.name} to alice`] as const;
    const [here, there] = StreamEnd.pair(names, clock, this.#random, this.#watcher);
    this.#readAlong.add(here, "asks");
    connection.streams.push(here);
    connection.to.opened(there);
    return here;
  }
}

/** The shipped side that answers, whoever asks: after a while, in any order, now and then with much, or with an error. */
export class HonestAnswerer implements Answerer {
  readonly name: string;
  /** Who may ask. */
  readonly standings = new Map<string, Standing>();
  /** Questions that are being answered, by who asks. */
  readonly underWay = new Map<string, number>();
  readonly #world: World;
  readonly #random: Random;
  readonly #readAlong: ReadAlong;
  readonly #places = new Places();
  readonly #transfers = new Transfers();

  constructor(world: World, name: string, readAlong: ReadAlong) {
    this.#world = world;
    this.name = name;
    this.#random = world.random.fork(`lines ${name}`);
    this.#readAlong = readAlong;
  }

  opened(stream: StreamEnd): void {
    this.serve(stream, "alice");
  }

  serve(stream: StreamEnd, peer: string): void {
    this.#readAlong.add(stream, "answers");
    serveLine(stream, {
      peer,
      events: { standing: () => this.#standing(peer), request: (...asked) => this.#answer(...asked) },
      places: this.#places,
      transfers: this.#transfers,
      clock: this.#world.clock,
    });
  }

  /** What it says to a question, whenever it is asked. */
  answerTo(question: Uint8Array): Uint8Array {
    const text = Buffer.from(question).toString("latin1");
    const isLarge = text.endsWith("large");
    return new Uint8Array(
      Buffer.from(`${this.name} says to ${text}${isLarge ? ".".repeat(LARGE_BYTES) : ""}`, "latin1"),
    );
  }

  #standing(peer: string): Standing {
    return this.standings.get(peer) ?? "member";
  }

  #answer: LinkEvents["request"] = async (peer, _channel, body) => {
    const { clock } = this.#world;
    if (this.#standing(peer) !== "member") {
      this.#world.violated("lines", `${this.name} answers ${peer}, which is a member no more`);
    }
    const underWay = (this.underWay.get(peer) ?? 0) + 1;
    this.underWay.set(peer, underWay);
    if (underWay > REQUESTS_AT_ONCE.member) {
      this.#world.violated("lines", `${this.name} answers ${underWay} questions of ${peer} at once`);
    }
    await new Promise<void>((resolve) => clock.after(this.#random.below(SLOWEST_MS), resolve));
    this.underWay.set(peer, (this.underWay.get(peer) ?? 1) - 1);
    if (Buffer.from(body).toString("latin1").endsWith("bad")) throw new Error("of no use");
    return this.answerTo(body);
  };
}

/** What a hostile end does with a question that it is asked. */
export const TRICKS = [
  "answers",
  "answers twice",
  "answers whom nobody asked for",
  "says half of it",
  "says one byte after the other",
  "announces too much",
  "says nothing",
  "ends the line",
] as const;

const DRIP_MS = 4_000;

/** Keeps to no rule, on lines that alice opens to it. */
export class HostileAnswerer implements Answerer {
  readonly name = "mole";
  readonly met = new Set<string>();
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("lines mole");
  }

  opened(stream: StreamEnd): void {
    let unread = Buffer.alloc(0);
    stream.addEventListener("message", ({ data }) => {
      unread = Buffer.concat([unread, data]);
      while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE()) {
        const end = 4 + unread.readUInt32BE();
        const { number } = numberOf(new Uint8Array(unread.subarray(4, end)));
        unread = unread.subarray(end);
        this.#play(stream, number);
      }
    });
  }

  #play(stream: StreamEnd, number: number): void {
    const trick = TRICKS[this.#random.below(TRICKS.length)] as (typeof TRICKS)[number];
    if (stream.status !== "open") return;
    this.met.add(trick);
    const answer = (to: number): Uint8Array =>
      numbered(encodeAnswer({ kind: "answered", body: new Uint8Array(Buffer.from("mole lies")) }), to);
    switch (trick) {
      case "answers":
        stream.send(answer(number));
        break;
      case "answers twice":
        for (let time = 0; time < 2; time++) stream.send(answer(number));
        break;
      case "answers whom nobody asked for":
        for (let other = 0; other < 1_000; other++) stream.send(answer(number + 1_000 + other));
        break;
      case "says half of it":
        stream.send(answer(number).subarray(0, 7));
        break;
      case "says one byte after the other":
        this.#drip(stream, answer(number));
        break;
      case "announces too much":
        stream.send(Uint8Array.of(0x7f, 0, 0, 0));
        break;
      case "says nothing":
        break;
      case "ends the line":
        stream.abort(new Error("enough"));
        break;
    }
  }

  #drip(stream: StreamEnd, left: Uint8Array): void {
    if (stream.status !== "open" || left.length === 0) return;
    stream.send(left.subarray(0, 1));
    this.#world.clock.after(DRIP_MS, () => this.#drip(stream, left.subarray(1)));
  }
}
