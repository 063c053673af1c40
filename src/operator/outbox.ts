import { toBase64Url } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Entry } from "../crdt/entry/entry.ts";
import { type Courier, type SubmitAnswer, submitEntries } from "./requests.ts";

const WAITS = "no agent runs here: it is signed and kept; the next command that finds one hands it over";

/** Of entries in one request; a body of it in base64url stays below a mebibyte. */
const REQUEST_BYTES = 512 * 1024;

export interface OutboxSurroundings {
  readonly courier: Courier;
  /** Progress for people. */
  readonly note: (text: string) => void;
}

/** The way of what is signed, and kept in the own log by then, to a peer. */
export class Outbox {
  readonly #surroundings: OutboxSurroundings;
  /** - `waiting`: no agent runs, so what is signed stays in the own log until one does; people are told once */
  #state: "empty" | "waiting" = "empty";

  constructor(surroundings: OutboxSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Returns when all of it is durable at the peer, or waits for an agent. Throws `EntryRefused`. */
  async handOver(entries: readonly Entry[], peer: string): Promise<void> {
    for (const part of portions(entries)) {
      const answer = await this.#submit(part);
      if (answer === "kept") return;
      const refused = answer.results.find(({ state }) => state === "refused");
      if (refused !== undefined) {
        throw new LabError("EntryRefused", `${peer} refused what was signed: ${refused.reason}`, {
          hint: "lab get operators shows what this key may do",
        });
      }
      if (answer.results.some(({ state }) => state === "parked")) {
        this.#surroundings.note(`${peer} waits for entries of others before it can use this`);
      }
    }
  }

  /** `kept` where only a home answers: the own log is the outbox. */
  async #submit(entries: readonly Entry[]): Promise<SubmitAnswer | "kept"> {
    try {
      return await submitEntries(
        this.#surroundings.courier,
        entries.map(({ bytes }) => toBase64Url(bytes)),
      );
    } catch (cause) {
      if (!(cause instanceof LabError)) throw cause;
      if (cause.code === "NoAgent") {
        if (this.#state === "empty") this.#surroundings.note(WAITS);
        this.#state = "waiting";
        return "kept";
      }
      const notes = ["it is signed and kept here; the next command hands it over", ...(cause.facts.notes ?? [])];
      throw new LabError(cause.code, cause.message, { ...cause.facts, notes }, { cause });
    }
  }
}

function portions(entries: readonly Entry[]): Entry[][] {
  const parts: Entry[][] = [];
  let room = 0;
  for (const entry of entries) {
    if (entry.bytes.length > room) {
      parts.push([]);
      room = REQUEST_BYTES;
    }
    parts.at(-1)?.push(entry);
    room -= entry.bytes.length;
  }
  return parts;
}
