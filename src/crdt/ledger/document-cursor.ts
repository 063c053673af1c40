import { ascii, concat } from "../../core/bytes.ts";
import type { Hlc } from "../../core/hlc.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { type DocumentState, decodeUpdate, encodeUpdate, type LedgerWrite } from "./update-codec.ts";

const CLIENT = ascii("lab/1/client\0");

/** The Yjs client id of a log: nobody chooses it, so nobody can grind one that wins or collides. */
export function ledgerClient(keys: Pick<Keys, "hash">, log: Uint8Array): number {
  const digest = keys.hash(concat(CLIENT, log));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/** A position in one writer's document: what the next update must continue. */
export class DocumentCursor implements DocumentState {
  readonly client: number;
  readonly tips = new Map<string, number>();
  readonly paths = new Map<number, string>();
  next = 0;
  readonly #keys: Pick<Keys, "hash">;
  readonly #log: Uint8Array;

  constructor(keys: Pick<Keys, "hash">, log: Uint8Array) {
    this.#keys = keys;
    this.#log = log;
    this.client = ledgerClient(keys, log);
  }

  fresh(): DocumentCursor {
    return new DocumentCursor(this.#keys, this.#log);
  }

  /** Reads the next update and moves past it. On a malformed one it throws and stays. */
  advance(payload: Uint8Array, hlc: Hlc): readonly LedgerWrite[] {
    const { writes, firstClock } = decodeUpdate(payload, this, hlc);
    for (const [i, { path }] of writes.entries()) {
      const before = this.tips.get(path);
      if (before !== undefined) this.paths.delete(before);
      this.tips.set(path, firstClock + i);
      this.paths.set(firstClock + i, path);
    }
    this.next = firstClock + writes.length;
    return writes;
  }

  /**
   * The update that makes these writes, checked as every reader will check it: throws {@link MalformedError} for what
   * they would refuse. Does not move.
   */
  encode(writes: readonly LedgerWrite[], hlc: Hlc): Uint8Array {
    const update = encodeUpdate(this, writes, hlc);
    decodeUpdate(update, this, hlc);
    return update;
  }
}
