import type { Clock } from "../../src/core/ports/clock.ts";
import { DiskFailedError, DiskFullError } from "../../src/core/ports/disk.ts";
import type { FileTree } from "../../src/core/ports/file-tree.ts";
import type { Random } from "../../src/core/ports/random.ts";

/** A call takes up to so long: long enough for views to change under the store's hands. */
const CALL_MS = 40;

/** - `full`: takes no file · `unreachable`: as a share whose server is gone */
type Condition = "well" | "full" | "unreachable";

/**
 * The port in virtual time: files outlive the agent and the power, and a file that is replaced is the old or the new one.
 * An agent that is killed in the middle of a call never hears of it, and by chance it was done or was not.
 */
export class SimFileTree implements FileTree {
  readonly path = "/srv/secrets";
  condition: Condition = "well";
  readonly #files = new Map<string, Uint8Array>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #wrote: (name: string, content: Uint8Array) => void;
  #atCall: (() => void) | null = null;

  /** `wrote` is called with each file in the moment in which the store's agent has replaced it. */
  constructor(clock: Clock, random: Random, wrote: (name: string, content: Uint8Array) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#wrote = wrote;
  }

  /** What lies there, for whoever looks at the world from outside. */
  get now(): ReadonlyMap<string, Uint8Array> {
    return this.#files;
  }

  /** Calls `happen` in the midst of the next call; null: nothing any more. */
  atNextCall(happen: (() => void) | null): void {
    this.#atCall = happen;
  }

  /** Somebody else puts a file there, or takes one away. */
  put(name: string, content: Uint8Array | null): void {
    if (content === null) this.#files.delete(name);
    else this.#files.set(name, content);
  }

  /** All files as of now, to be put back by {@link setBack}. */
  image(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#files);
  }

  setBack(image: ReadonlyMap<string, Uint8Array>): void {
    this.#files.clear();
    for (const [name, content] of image) this.#files.set(name, content);
  }

  async list(under: string): Promise<readonly string[]> {
    await this.#pause();
    return [...this.#files.keys()].filter((name) => name.startsWith(under)).sort();
  }

  async read(name: string): Promise<Uint8Array | null> {
    await this.#pause();
    return this.#files.get(name) ?? null;
  }

  async replace(name: string, content: Uint8Array): Promise<void> {
    await this.#change("takes space", () => {
      this.#files.set(name, content);
      this.#wrote(name, content);
    });
  }

  async remove(name: string): Promise<void> {
    await this.#change("gives space", () => this.#files.delete(name));
  }

  async #change(how: "takes space" | "gives space", apply: () => void): Promise<void> {
    const when = this.#random.below(2) === 0 ? "first" : "last";
    const isRefused = () => this.condition === "unreachable" || (this.condition === "full" && how === "takes space");
    if (when === "first" && !isRefused()) apply();
    await this.#pause();
    if (isRefused()) throw this.condition === "full" ? new DiskFullError() : new DiskFailedError("the share is gone");
    if (when === "last") apply();
  }

  /** Never ends on a machine that is off: its clock rings no more. */
  async #pause(): Promise<void> {
    const happen = this.#atCall;
    this.#atCall = null;
    const end = new Promise<void>((resolve) => this.#clock.after(this.#random.below(CALL_MS), resolve));
    happen?.();
    await end;
    if (this.condition === "unreachable") throw new DiskFailedError("the share is gone");
  }
}
