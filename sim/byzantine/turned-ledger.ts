import type { Hlc } from "../../src/core/hlc.ts";
import type { Json } from "../../src/core/json.ts";
import type { Keys, Signer } from "../../src/core/ports/keys.ts";
import { composeLink } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED, type ChainHeader, type Entry } from "../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../src/crdt/ledger/document-cursor.ts";

/** Links of one ledger, each after the one before. */
export type Branch = readonly Entry<ChainHeader>[];

/** What an operator who turned signs: whatever follows whatever, with updates that are as they should be. */
export class TurnedLedger {
  /** Those that were given to somebody. */
  readonly branches: Branch[] = [];
  readonly log: Uint8Array;
  readonly signer: Signer;
  readonly #keys: Keys;
  readonly #mesh: Uint8Array;

  constructor(parts: { keys: Keys; mesh: Uint8Array; log: Uint8Array; signer: Signer }) {
    this.#keys = parts.keys;
    this.#mesh = parts.mesh;
    this.log = parts.log;
    this.signer = parts.signer;
  }

  /** A branch with one more write. */
  extend(branch: Branch, hlc: Hlc, path: string, value: Json): Branch {
    const last = branch.at(-1);
    const later = last === undefined ? hlc : laterOf(hlc, last.header.hlc);
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const position = { mesh: this.#mesh, log: this.log, class: CLASS_DESIRED, head, hlc: later, more: 0 };
    const update = this.cursorAt(branch).encode([{ path, value, over: [] }], later);
    return [...branch, composeLink(this.#keys, { ...position, seen: this.#mesh }, update, this.signer)];
  }

  cursorAt(branch: Branch): DocumentCursor {
    const cursor = new DocumentCursor(this.#keys, this.log);
    for (const { payload, header } of branch) cursor.advance(payload, header.hlc);
    return cursor;
  }
}

function laterOf(wanted: Hlc, last: Hlc): Hlc {
  return wanted.ms > last.ms ? wanted : { ms: last.ms, count: last.count + 1 };
}
