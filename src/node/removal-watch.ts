import { LabError } from "../core/errors.ts";
import { clockTime, isoTime } from "../core/iso-time.ts";
import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { Removal } from "../crdt/removal.ts";
import type { Agent } from "./agent.ts";

/**
 * A removed machine stays this long: others near it hear of the removal through it, and where the removal itself was
 * taken back while the machine was away, somebody says so.
 */
const STAY_MS = 10_000;

/** Sees that this machine is a member no more: says so at once, and ends the agent when it stays so. */
export class RemovalWatch {
  /** Resolves with what to tell whoever started the agent; never if the machine stays a member. */
  readonly over: Promise<LabError>;
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #end: (why: LabError) => void;
  #unwatch: () => void = () => undefined;
  #leaving: Timer | null = null;

  constructor(agent: Agent, clock: Clock, log: Log) {
    this.#agent = agent;
    this.#clock = clock;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<LabError>();
    this.over = promise;
    this.#end = resolve;
  }

  start(): void {
    this.#unwatch = this.#agent.watch((event) => {
      if (event.event === "growth" && event.growth.authority) this.#look();
    });
    this.#look();
  }

  stop(): void {
    this.#unwatch();
    this.#leaving?.cancel();
  }

  #look(): void {
    const { removal } = this.#agent;
    if (removal === null) {
      if (this.#leaving === null) return;
      this.#leaving.cancel();
      this.#leaving = null;
      this.#log.write("warn", "agent.returned", { message: "the removal of this machine was taken back" });
    } else if (this.#leaving === null) {
      this.#log.write("error", "agent.removed", { message: describeRemoval(removal), endsInMs: STAY_MS });
      this.#leaving = this.#clock.after(STAY_MS, () => void this.#leave(removal));
    }
  }

  async #leave(removal: Removal): Promise<void> {
    try {
      // Nothing that was fetched as a member is left when this process ends.
      await this.#agent.cache.reconcile();
    } catch (error) {
      this.#log.write("error", "secret-cache.not-wiped", { error });
    }
    const { name = "this machine" } = this.#agent.view().nodes.get(this.#agent.node) ?? {};
    this.#end(
      new LabError("Removed", `${name} was removed from mesh ${this.#agent.view().meshName}`, {
        notes: [describeRemoval(removal)],
        hint: REJOIN,
      }),
    );
  }
}

export const REJOIN = "lab leave --force, then lab join with a new token";

export function describeRemoval({ by, atMs, reason }: Removal): string {
  const why = reason === "" ? "" : `: ${reason}`;
  return `removed by ${by ?? "an operator"} at ${clockTime(isoTime(atMs))}${why}`;
}
