import type { Generation } from "../../../src/core/delivery/generation.ts";
import { DeliveryFailedError, type SecretDirectory } from "../../../src/core/ports/secret-directory.ts";
import type { Secret } from "../../../src/core/secret.ts";

/** The port without a file system; `contents` is what a program would read. */
export class MemorySecretDirectory implements SecretDirectory {
  contents: ReadonlyMap<string, string> = new Map();
  state: "good" | "full" = "good";
  generations = 0;
  /** What a write takes, after its values were read. */
  whileWriting: () => Promise<void> = () => Promise.resolve();
  #current: Generation | null = null;

  current(): Promise<Generation | null> {
    return Promise.resolve(this.#current);
  }

  async replace(
    next: Generation,
    kept: ReadonlySet<string>,
    content: (name: string) => Promise<Secret>,
  ): Promise<void> {
    const contents = new Map<string, string>();
    for (const { name } of next.files) {
      if (kept.has(name)) contents.set(name, this.contents.get(name) ?? "");
      else {
        const value = await content(name);
        contents.set(name, Buffer.from(value.reveal()).toString("utf8"));
        value.wipe();
      }
    }
    await this.whileWriting();
    if (this.state === "full") throw new DeliveryFailedError("no space is left there", "more space");
    this.contents = contents;
    this.#current = next;
    this.generations++;
  }

  tidy(): Promise<void> {
    return Promise.resolve();
  }

  settle(): Promise<void> {
    if (this.#current !== null) this.#current = { ...this.#current, owed: [] };
    return Promise.resolve();
  }
}
