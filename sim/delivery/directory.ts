import type { Generation } from "../../src/core/delivery/generation.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import type { Random } from "../../src/core/ports/random.ts";
import type { SecretDirectory } from "../../src/core/ports/secret-directory.ts";
import type { Secret } from "../../src/core/secret.ts";

/** A file takes up to so long: long enough for values to change under the agent's hands. */
const WRITE_MS = 40;

/** What programs see at one moment. */
export interface Visible {
  readonly generation: Generation;
  readonly contents: ReadonlyMap<string, string>;
}

/**
 * The port in the memory of a virtual machine: it outlives the agent and not the power. An agent that is killed in the
 * middle of a step never hears of it again, and what is visible is as it was.
 */
export class SimSecretDirectory implements SecretDirectory {
  visible: Visible | null = null;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #changed: () => void;
  #atStep: (() => void) | null = null;

  constructor(clock: Clock, random: Random, changed: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#changed = changed;
  }

  /** Calls `happen` in the midst of what is written next; null: nothing any more. */
  atNextStep(happen: (() => void) | null): void {
    this.#atStep = happen;
  }

  /** What lies in memory is gone with the power. */
  loseMemory(): void {
    this.visible = null;
    this.#changed();
  }

  async current(): Promise<Generation | null> {
    return this.visible?.generation ?? null;
  }

  async replace(
    next: Generation,
    kept: ReadonlySet<string>,
    content: (name: string) => Promise<Secret>,
  ): Promise<void> {
    const contents = new Map<string, string>();
    for (const { name } of next.files) {
      const before = kept.has(name) ? this.visible?.contents.get(name) : undefined;
      if (before === undefined) {
        const value = await content(name);
        contents.set(name, Buffer.from(value.reveal()).toString());
        value.wipe();
      } else contents.set(name, before);
      await this.#step();
    }
    this.visible = { generation: next, contents };
    this.#changed();
    await this.#step();
  }

  async tidy(): Promise<void> {
    await this.#step();
  }

  async settle(): Promise<void> {
    await this.#step();
    if (this.visible !== null) this.visible = { ...this.visible, generation: { ...this.visible.generation, owed: [] } };
  }

  /** Never ends on a machine that is off: its clock rings no more. */
  async #step(): Promise<void> {
    const happen = this.#atStep;
    this.#atStep = null;
    // Asked for before the power goes: what is asked for after that rings when the machine is on again.
    const end = new Promise<void>((resolve) => this.#clock.after(this.#random.below(WRITE_MS), resolve));
    happen?.();
    await end;
  }
}
