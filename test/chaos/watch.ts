import { setTimeout as sleep } from "node:timers/promises";
import { followEvents } from "../../bench/fleet.ts";
import type { Machine } from "./machine.ts";
import type { Sighting } from "./verdicts.ts";

const AGAIN_MS = 200;

/** Follows the events of agents, again after each of their starts, and writes down who is said to be gone. */
export class Watch {
  readonly sightings: Sighting[] = [];
  readonly #nowMs: () => number;
  readonly #ends = new Map<Machine, () => void>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async attach(machine: Machine): Promise<void> {
    this.#ends.get(machine)?.();
    this.#ends.delete(machine);
    for (let tries = 0; machine.state === "up" && tries < 50; tries++) {
      try {
        this.#ends.set(machine, await followEvents(machine.socket, (event) => this.#hear(machine.name, event)));
        return;
      } catch {
        await sleep(AGAIN_MS);
      }
    }
  }

  end(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }

  #hear(by: string, event: string): void {
    const [, kind, text] = /^event: (\S+)\n(?:id: .*\n)?data: (.*)$/m.exec(event) ?? [];
    if (text === undefined) return;
    const data = JSON.parse(text) as Readonly<Record<string, string>>;
    const atMs = this.#nowMs();
    if (kind === "peer" && data["online"] === "no") {
      this.sightings.push({ by, about: data["name"] ?? "", atMs, kind: "gone" });
    }
  }
}

/**
 * Alarms about members that an agent raised itself, from its log: what the API shows as raised may be somebody else's.
 * `beganMs` is the wall clock of the run's beginning.
 */
export function alarmsIn(log: string, by: string, beganMs: number): Sighting[] {
  return log.split("\n").flatMap((line): Sighting[] => {
    if (!line.includes('"alarm.raised"')) return [];
    const { at, facts } = JSON.parse(line) as { at: string; facts: Readonly<Record<string, string>> };
    if (facts["kind"] !== "unreachable") return [];
    return [{ by, about: facts["about"] ?? "", atMs: Date.parse(at) - beganMs, kind: "alarm" }];
  });
}
