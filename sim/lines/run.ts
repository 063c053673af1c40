import { getEventListeners } from "node:events";
import { equalBytes } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { type Answer, encodeRequest, numbered } from "../../src/mesh/frames.ts";
import type { RunReport } from "../run.ts";
import { told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { ReadAlong } from "./checks.ts";
import { Asker, type Connection, HonestAnswerer, HostileAnswerer, SLOWEST_MS, TRICKS } from "./ends.ts";
import { StreamEnd, type Watcher } from "./stream.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const GLANCE_MS = 250;
/** Longer than any answer takes while nothing is wrong, its way and a line that is opened first included. */
const PATIENT_MS = 10 * SLOWEST_MS;
const QUESTIONS = 400;
/** What one end may have said that the other one does not take: 1 MiB, and the answer with which it is too much. */
const MOST_UNSENT_BYTES = (1024 + 64) * 1024 + 8;

/**
 * Small questions on shared lines, by the code that ships on both sides: two who are honest and one who is not. Streams
 * break in the middle, fall silent and stall, answers come late and in any order, lines are flooded, held open, and left
 * with half a frame. Every question has its own answer or an error in its own time, no end holds more than it may, and
 * once all is well every question is answered.
 */
export async function runLines(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  // Nobody runs on the machines of this world: it lends its clock.
  return told({ ...options, nodes: 3 }, async (world) => {
    const story = new Story(world);
    const restCalls = world.clock.pending;
    await story.well("before anything goes wrong");
    await story.breakLines();
    await story.fallSilent();
    await story.muteLine();
    await story.askTheMole();
    for (const flood of story.floods()) await flood();
    await story.well("after all of that");
    story.end(restCalls);
  });
}

class Story {
  readonly #world: World;
  readonly #random: Random;
  readonly #readAlong: ReadAlong;
  readonly #asker: Asker;
  readonly #bob: HonestAnswerer;
  readonly #carol: HonestAnswerer;
  readonly #mole: HostileAnswerer;
  /** To bob, carol and mole. */
  readonly #connections: readonly [Connection, Connection, Connection];
  readonly #watcher: Watcher;
  /** Bob's end of the newest line of mole. */
  #flooded: StreamEnd | null = null;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("lines");
    this.#readAlong = new ReadAlong(world);
    this.#watcher = (end, piece) => {
      world.trace.note(world.clock.monotonic(), end.name, "piece", piece);
      this.#readAlong.took(end, piece);
    };
    this.#asker = new Asker(world, this.#watcher, this.#readAlong);
    this.#bob = new HonestAnswerer(world, "bob", this.#readAlong);
    this.#carol = new HonestAnswerer(world, "carol", this.#readAlong);
    this.#mole = new HostileAnswerer(world);
    this.#connections = [this.#connect(this.#bob), this.#connect(this.#carol), this.#connect(this.#mole)];
  }

  /** Whoever is honest answers everything, and its own. */
  async well(when: string): Promise<void> {
    const asked = Array.from({ length: 60 }, () => this.#ask(this.#anyHonest(), PATIENT_MS));
    const outcomes = await this.#all(asked);
    const lost = outcomes.filter((outcome) => outcome === "error").length;
    if (lost > 0) this.#violated(`${when} ${lost} of ${asked.length} questions have no answer`);
  }

  /** In the middle of questions and of frames, and now and then no new one can be opened. */
  async breakLines(): Promise<void> {
    const outcomes = this.#askFor(MINUTE_MS, () => this.#anyHonest());
    for (let broken = 0; broken < 40; broken++) {
      await this.#pass(this.#random.below(3_000));
      const connection = this.#anyHonest();
      if (this.#random.below(4) === 0) connection.refusals = 1 + this.#random.below(3);
      connection.streams.at(-1)?.abort(new Error("the line broke"));
    }
    const found = await this.#all(outcomes);
    for (const connection of this.#connections) connection.refusals = 0;
    for (const outcome of ["answer", "error"] as const) {
      if (found.includes(outcome)) this.#world.reached(`a question on a line that breaks has an ${outcome}`);
    }
  }

  /** Nothing comes over a connection for a while, and then all of it: answers to those who have given up. */
  async fallSilent(): Promise<void> {
    const [bob] = this.#connections;
    const outcomes = this.#askFor(MINUTE_MS, () => bob);
    for (let time = 0; time < 6; time++) {
      await this.#pass(this.#random.below(4_000));
      const stream = bob.streams.at(-1);
      bob.silentSinceMs = this.#world.clock.monotonic();
      stream?.read("stalls");
      await this.#pass(1_000 + this.#random.below(4_000));
      bob.silentSinceMs = null;
      stream?.read("reads");
    }
    const found = await this.#all(outcomes);
    if (found.includes("answer") && found.includes("error")) this.#world.reached("answers came too late");
  }

  /** One line says nothing any more, and its connection does: the question after the next one has another. */
  async muteLine(): Promise<void> {
    const [bob] = this.#connections;
    await this.#all([this.#ask(bob, PATIENT_MS)]);
    const mute = bob.streams.at(-1) as StreamEnd;
    mute.read("stalls");
    await this.#all([this.#ask(bob, 2_000)]);
    const [outcome] = await this.#all([this.#ask(bob, PATIENT_MS)]);
    if (outcome === "error") this.#violated("a line that says nothing is asked again");
    else this.#world.reached("a line that said nothing was opened anew");
  }

  /** Who keeps to no rule holds up nobody but who asks it. */
  async askTheMole(): Promise<void> {
    const [bob, , mole] = this.#connections;
    const lost: string[] = [];
    for (let round = 0; round < 60; round++) {
      const asked = Array.from({ length: 4 }, () => this.#ask(mole, 500 + this.#random.below(5_000)));
      const [honest] = await this.#all([this.#ask(bob, PATIENT_MS)]);
      if (honest === "error") lost.push(`${round}`);
      await this.#all(asked);
      if (this.#random.below(10) === 0) await this.#pass(15 * SECOND_MS);
    }
    if (lost.length > 0) this.#violated(`bob does not answer while mole keeps to no rule: ${lost.length} times`);
    for (const trick of TRICKS) if (this.#mole.met.has(trick)) this.#world.reached(`mole ${trick}`);
  }

  /** What a hostile member does on lines that it opens to bob: each ends its own line and nothing else. */
  floods(): (() => Promise<void>)[] {
    const question = (number: number, body = `mole ${number}`) =>
      numbered(encodeRequest({ channel: "echo", body: new Uint8Array(Buffer.from(body)) }), number);
    const flood = (what: string, play: (line: StreamEnd) => Promise<void>, expected: "ends" | "stays") => async () => {
      const line = this.#openToBob();
      const asked = this.#askFor(20 * SECOND_MS, () => this.#connections[0], PATIENT_MS);
      await play(line);
      const isOver = () => line.status !== "open";
      if (expected === "ends" && !(await this.#until(15 * SECOND_MS, isOver)))
        this.#violated(`bob keeps a line that ${what}`);
      if (expected === "stays" && isOver()) this.#violated(`bob ends a line that ${what}`);
      if ((await this.#all(asked)).includes("error")) this.#violated(`alice is kept waiting by a line that ${what}`);
      line.abort(new Error("the flood is over"));
      this.#world.reached(`a line ${what}`);
    };
    return [
      flood(
        "asks too much at once",
        async (line) => {
          for (let number = 0; number < 200 && line.status === "open"; number++) {
            line.send(question(number));
            if (number % 20 === 0) await this.#pass(10);
          }
        },
        "ends",
      ),
      flood(
        "does not take its answers",
        async (line) => {
          line.read("stalls");
          for (let number = 0; number < 60 && line.status === "open"; number++) {
            line.send(question(number, `${number} large`));
            await this.#pass(200);
          }
        },
        "ends",
      ),
      flood("announces too much", async (line) => void line.send(Uint8Array.of(0, 0, 0x40, 0x05)), "ends"),
      flood("says half of a question", async (line) => void line.send(question(1).subarray(0, 9)), "ends"),
      flood("asks nonsense", async (line) => void line.send(numbered(Uint8Array.of(0, 0, 0, 1, 0xff), 1)), "ends"),
      flood("is held open", async () => this.#pass(20 * SECOND_MS), "stays"),
      flood(
        "is of a member no more",
        async (line) => {
          line.send(question(1));
          await this.#pass(5 * SECOND_MS);
          this.#bob.standings.set("mole", "removed");
          line.send(question(2));
          await this.#pass(5 * SECOND_MS);
          this.#bob.standings.delete("mole");
        },
        "ends",
      ),
    ];
  }

  /** Nothing is left of all that but lines that nobody uses. */
  end(restCalls: number): void {
    const { pending } = this.#world.clock;
    if (pending > restCalls) this.#violated(`${pending - restCalls} calls are left when nobody asks any more`);
    for (const { underWay, name } of [this.#bob, this.#carol]) {
      for (const [peer, left] of underWay) if (left > 0) this.#violated(`${name} still answers ${left} of ${peer}`);
    }
  }

  #connect(to: HonestAnswerer | HostileAnswerer): Connection {
    return this.#asker.connect(to);
  }

  #openToBob(): StreamEnd {
    const { clock } = this.#world;
    const [mole, bob] = StreamEnd.pair(["mole to bob", "bob to mole"], clock, this.#random, this.#watcher);
    this.#bob.serve(bob, "mole");
    this.#flooded = bob;
    return mole;
  }

  /** So many questions, all over this time. */
  #askFor(durationMs: number, to: () => Connection, timeoutMs?: number): Promise<"answer" | "error">[] {
    const { clock } = this.#world;
    return Array.from({ length: timeoutMs === undefined ? QUESTIONS : 40 }, () => {
      const atMs = this.#random.below(durationMs);
      const patienceMs = timeoutMs ?? 200 + this.#random.below(4_000);
      return new Promise<"answer" | "error">((resolve) => {
        clock.after(atMs, () => void this.#ask(to(), patienceMs).then(resolve));
      });
    });
  }

  /** Judges what comes of it: its own answer or an error, not later than its asker waits. */
  async #ask(connection: Connection, timeoutMs: number): Promise<"answer" | "error"> {
    const { clock } = this.#world;
    const { to } = connection;
    const number = ++this.#count;
    const kind = ["", " large", " bad"][this.#random.below(20)] ?? "";
    const body = new Uint8Array(Buffer.from(`question ${number}${kind}`));
    const untilMs = clock.monotonic() + timeoutMs;
    const over = new AbortController();
    const timer = clock.after(timeoutMs, () => over.abort(new Error("it takes too long")));
    let outcome: "answer" | "error" = "error";
    try {
      const frame = encodeRequest({ channel: "echo", body });
      const answer = await this.#asker.lines.ask(connection, frame, timeoutMs, over.signal);
      // What the mole says is what it likes.
      if (to instanceof HonestAnswerer) {
        outcome = "answer";
        this.#checkOwn(to, number, body, kind, answer);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    } finally {
      timer.cancel();
    }
    if (clock.monotonic() > untilMs) this.#violated(`question ${number} to ${to.name} waits for longer than it was to`);
    if (getEventListeners(over.signal, "abort").length > 0)
      this.#violated(`question ${number} leaves somebody waiting`);
    return outcome;
  }

  #checkOwn(
    to: HonestAnswerer,
    number: number,
    body: Uint8Array,
    kind: string,
    answer: Answer | null | "no line",
  ): void {
    const isOwn =
      answer !== null &&
      answer !== "no line" &&
      (kind === " bad"
        ? answer.kind === "failed" && answer.message === "of no use"
        : answer.kind === "answered" && equalBytes(answer.body, to.answerTo(body)));
    if (!isOwn) this.#violated(`question ${number} to ${to.name} has an answer that is not its own`);
  }

  async #all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
    const all = Promise.all(promises);
    let state: "waiting" | "done" = "waiting";
    void all.then(() => {
      state = "done";
    });
    if (!(await this.#until(5 * MINUTE_MS, () => state === "done"))) this.#violated("a question never ends");
    return this.#world.until(all);
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#until(durationMs, () => false);
  }

  async #until(withinMs: number, holds: () => boolean): Promise<boolean> {
    const { clock } = this.#world;
    const untilMs = clock.monotonic() + withinMs;
    while (!holds()) {
      if (clock.monotonic() >= untilMs) return false;
      await clock.runUntil(Math.min(untilMs, clock.monotonic() + GLANCE_MS));
      this.#readAlong.look();
      if ((this.#flooded?.unsentBytes ?? 0) > MOST_UNSENT_BYTES) {
        this.#violated("bob holds more answers for mole than it may");
        this.#flooded = null;
      }
    }
    return true;
  }

  #anyHonest(): Connection {
    return this.#connections[this.#random.below(2)] as Connection;
  }

  #violated(detail: string): void {
    this.#world.violated("lines", detail);
  }
}
