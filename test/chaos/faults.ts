import { setTimeout as sleep } from "node:timers/promises";
import { IPV4 } from "../../bench/namespaces.ts";
import type { Crew } from "./crew.ts";
import type { Machine } from "./machine.ts";
import type { Fault, Round } from "./plan.ts";
import type { Absence } from "./verdicts.ts";

/** After this long a machine that cannot be reached is known to be, as in the simulator. */
const KNOWN_MS = 22_000;
/** Before a cut ends, what is known about it is looked at. */
const LOOK_MS = 1_000;
const JOIN_MS = 30_000;

type FaultOf<K extends Fault["kind"]> = Extract<Fault, { readonly kind: K }>;

/** Makes what was drawn come true, and writes down who could not be reached when. */
export class Faults {
  readonly counts: Record<string, number> = {};
  readonly absences: Absence[] = [];
  readonly #crew: Crew;
  readonly #note: (text: string) => void;
  readonly #violated: (check: string, detail: string) => void;
  readonly #leases = new Map<string, string>();
  readonly #nowMs: () => number;
  #healedMs = 0;

  constructor(
    crew: Crew,
    nowMs: () => number,
    note: (text: string) => void,
    violated: (check: string, detail: string) => void,
  ) {
    this.#crew = crew;
    this.#nowMs = nowMs;
    this.#note = note;
    this.#violated = violated;
  }

  /** When the last fault of the round that was played last had ended. */
  get healedMs(): number {
    return this.#healedMs;
  }

  /** Resolves when the last fault has ended. */
  async play({ faults }: Round): Promise<void> {
    await Promise.all(
      faults.map(async (fault) => {
        await sleep(fault.atMs);
        this.#note(told(fault));
        this.counts[fault.kind] = (this.counts[fault.kind] ?? 0) + 1;
        await this.#play(fault);
      }),
    );
    this.#healedMs = this.#nowMs();
    this.#note("healed");
    await this.#crew.point();
  }

  #play(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case "cut":
        return this.#cut(fault);
      case "cable out":
        return this.#pull(fault);
      case "stop":
        return this.#stop(fault);
      case "kill":
        return this.#kill(fault);
      case "power cut":
        return this.#cutPower(fault);
      case "move":
        return this.#move(fault);
      case "new leases":
        return this.#newLeases(fault);
      case "race":
        return this.#race(fault);
      case "loss":
      case "rate":
      case "delay":
        return this.#worsen(fault);
    }
  }

  async #cut({ minority, forMs }: FaultOf<"cut">): Promise<void> {
    const side = minority.map((name) => this.#crew.named(name));
    const absence = this.#absent(minority, `cut of ${forMs / 1000} s`);
    this.#crew.minority = new Set(minority);
    for (const { wire } of side) wire.cable.move(1);
    await sleep(Math.max(0, forMs - LOOK_MS));
    if (forMs - LOOK_MS >= KNOWN_MS) await this.#checkKnown(side);
    await sleep(Math.min(forMs, LOOK_MS));
    for (const { wire } of side) wire.cable.move(0);
    this.#crew.minority = new Set();
    absence.toMs = this.#nowMs();
  }

  /** Whoever is on the greater side takes nobody on the other one for there. */
  async #checkKnown(side: readonly Machine[]): Promise<void> {
    const names = new Set(side.map(({ name }) => name));
    const greater = this.#crew.machines.filter(({ name, state }) => state === "up" && !names.has(name));
    for (const machine of greater) {
      const peers = await machine.peers();
      const taken = peers.filter(
        ({ name, verdict }) => names.has(name) && (verdict === "alive" || verdict === "suspect"),
      );
      for (const { name, verdict } of taken)
        this.#violated("verdicts", `${machine.name} takes ${name} for ${verdict}, which is cut off`);
    }
  }

  async #pull({ machine: name, forMs }: FaultOf<"cable out">): Promise<void> {
    const { wire } = this.#crew.named(name);
    const absence = this.#absent([name], "cable out");
    wire.cable.pull();
    await sleep(forMs);
    wire.cable.insert();
    absence.toMs = this.#nowMs();
  }

  async #stop({ machine: name, forMs }: FaultOf<"stop">): Promise<void> {
    const machine = this.#crew.named(name);
    const absence = this.#absent([name], "stopped");
    machine.stop();
    await sleep(forMs);
    machine.goOn();
    absence.toMs = this.#nowMs();
  }

  async #kill({ machine: name, forMs }: FaultOf<"kill">): Promise<void> {
    const machine = this.#crew.named(name);
    const absence = this.#absent([name], "killed");
    await machine.kill();
    await sleep(forMs);
    await machine.start();
    await this.#crew.watch.attach(machine);
    absence.toMs = this.#nowMs();
    await this.#checkOwnWord(machine);
  }

  async #cutPower({ machine: name, forMs }: FaultOf<"power cut">): Promise<void> {
    const machine = this.#crew.named(name);
    const absence = this.#absent([name], "without power");
    const { cable } = machine.wire;
    await machine.losePower();
    await sleep(forMs);
    // Nobody can tell it what it has forgotten.
    cable.pull();
    await machine.start();
    await this.#checkOwnWord(machine);
    cable.insert();
    await this.#crew.watch.attach(machine);
    absence.toMs = this.#nowMs();
  }

  async #checkOwnWord(machine: Machine): Promise<void> {
    const broken = await this.#crew.people.broken(machine);
    for (const entry of broken)
      this.#violated("acknowledged", `${machine.name} started again without ${entry}, which it acknowledged`);
  }

  async #move({ machine: name, to, forMs }: FaultOf<"move">): Promise<void> {
    const absence = this.#absent([name], "moved");
    this.#renumber(this.#crew.named(name), to);
    setTimeout(() => (absence.toMs = this.#nowMs()), forMs);
  }

  async #newLeases({ to, forMs }: FaultOf<"new leases">): Promise<void> {
    const [, ...others] = this.#crew.machines;
    const absences = others.map(({ name }) => this.#absent([name], "started anew"));
    await Promise.all(others.map((machine) => machine.kill()));
    for (const [name, lease] of to) this.#renumber(this.#crew.named(name), lease);
    await sleep(forMs);
    await Promise.all(
      others.map(async (machine) => {
        await machine.start();
        await this.#crew.watch.attach(machine);
      }),
    );
    for (const absence of absences) absence.toMs = this.#nowMs();
  }

  #renumber({ name, wire }: Machine, lease: number): void {
    const from = this.#leases.get(name) ?? IPV4.address(wire.cable.number);
    const to = IPV4.address(lease);
    wire.cable.renumber(from, to);
    this.#leases.set(name, to);
  }

  /** At most one becomes a member, and whoever was told so is one. */
  async #race({ strangers }: FaultOf<"race">): Promise<void> {
    const { first, people } = this.#crew;
    const racers = strangers.map((name) => this.#crew.named(name));
    const token = await this.#crew.turn("alice", () => people.token(first, null));
    const far = racers.at(-1) as Machine;
    far.wire.cable.move(1);
    // Whoever has become a member and runs no agent yet is not there.
    const absences = strangers.map((name) => this.#absent([name], "joining"));
    const told = await Promise.all(
      racers.map((racer) => racer.lab("nobody", ["join", token, "--name", racer.name], { timeoutMs: JOIN_MS })),
    );
    far.wire.cable.move(0);
    const winners = racers.filter((_, i) => told[i]?.exit === 0);
    this.#note(`race: ${winners.map(({ name }) => name).join(", ") || "nobody"} won`);
    if (winners.length > 1)
      this.#violated("tokens", `one token let in ${winners.map(({ name }) => name).join(" and ")}`);
    for (const winner of winners) await this.#crew.admit(winner);
    for (const absence of absences) absence.toMs = this.#nowMs();
  }

  async #worsen(fault: FaultOf<"loss" | "rate" | "delay">): Promise<void> {
    const { wire } = this.#crew.named(fault.machine);
    switch (fault.kind) {
      case "loss":
        wire.lose(fault.permille);
        await sleep(fault.forMs);
        return wire.lose(0);
      case "rate":
        wire.limit(fault.kbit);
        await sleep(fault.forMs);
        return wire.limit(null);
      case "delay":
        wire.delay(fault.delayMs, fault.jitterMs);
        await sleep(fault.forMs);
        return wire.delay(0, 0);
    }
  }

  #absent(names: readonly string[], what: string): Absence {
    const absence: Absence = { fromMs: this.#nowMs(), toMs: Number.POSITIVE_INFINITY, side: new Set(names), what };
    this.absences.push(absence);
    return absence;
  }
}

/** One line about a fault, for people. */
export function told(fault: Fault): string {
  const at = `at ${(fault.atMs / 1000).toFixed(1)} s`;
  const lasting = `for ${(fault.forMs / 1000).toFixed(0)} s`;
  switch (fault.kind) {
    case "cut":
      return `${at} ${fault.minority.join(", ")} cut off from the others ${lasting}`;
    case "cable out":
      return `${at} cable of ${fault.machine} out ${lasting}`;
    case "stop":
      return `${at} ${fault.machine} stands still ${lasting}`;
    case "kill":
      return `${at} ${fault.machine} killed, started ${lasting.slice(4)} later`;
    case "power cut":
      return `${at} ${fault.machine} loses power, is started from what was on its disk ${lasting.slice(4)} later`;
    case "move":
      return `${at} ${fault.machine} gets another address`;
    case "new leases":
      return `${at} all but the first killed, with other addresses, started ${lasting.slice(4)} later`;
    case "race":
      return `${at} ${fault.strangers.join(", ")} race for one token`;
    case "loss":
      return `${at} ${fault.machine} loses ${(fault.permille / 10).toFixed(1)} % each way ${lasting}`;
    case "rate":
      return `${at} ${fault.machine} sends at most ${fault.kbit} kbit/s ${lasting}`;
    case "delay":
      return `${at} frames of ${fault.machine} take ${fault.delayMs} to ${fault.delayMs + fault.jitterMs} ms each way ${lasting}`;
  }
}
