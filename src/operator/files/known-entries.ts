import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { concat } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { decodeFrames, encodeFrame } from "./frames.ts";

/** Whether a key's command line ever heard anything of a mesh. */
export function hasKnownEntries(dir: string): boolean {
  return existsSync(pathIn(dir));
}

function pathIn(dir: string): string {
  return join(dir, "known.entries");
}

/**
 * Authority entries that this operator's command line has checked, in an order in which they can be read: `known.entries`
 * beside a key's own log. Whatever of it is lost or damaged is asked for again.
 */
export class KnownEntries {
  readonly #keys: Pick<Keys, "hash">;
  readonly #path: string;
  /** Bytes of whole frames. */
  #length = 0;

  constructor(keys: Pick<Keys, "hash">, dir: string) {
    this.#keys = keys;
    this.#path = pathIn(dir);
  }

  /** Hands out what is there, up to the first entry that is not accepted: that one and all behind it are forgotten. */
  read(accept: (bytes: Uint8Array) => boolean): void {
    if (!existsSync(this.#path)) return;
    for (const { bytes, frame } of decodeFrames(this.#keys, new Uint8Array(readFileSync(this.#path)))) {
      if (!accept(bytes)) return;
      this.#length += frame.length;
    }
  }

  append(entries: readonly Uint8Array[]): void {
    if (entries.length === 0) return;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const frames = concat(...entries.map((bytes) => encodeFrame(this.#keys, bytes)));
    const file = openSync(this.#path, existsSync(this.#path) ? "r+" : "wx", 0o600);
    try {
      ftruncateSync(file, this.#length);
      writeSync(file, frames, 0, frames.length, this.#length);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#length += frames.length;
  }
}
