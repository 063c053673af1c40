import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { concat, fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { HLC_ZERO, type Hlc } from "../../core/hlc.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { Chain, type ChainLink } from "../../crdt/chain.ts";
import { currentWrites } from "../../crdt/checkpoint.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  CLASS_DESIRED,
  decodeEntry,
  type Entry,
  isAuthority,
  isChain,
} from "../../crdt/entry/entry.ts";
import { DocumentCursor } from "../../crdt/ledger/document-cursor.ts";
import { CHECK_BYTES, decodeFrames, encodeFrame } from "./frames.ts";

/** The last entry of a ledger. */
export interface LedgerHead {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** How many writes of a ledger hold a path's value, be it a tombstone, and how many something else was written over. */
export interface LedgerItems {
  readonly live: number;
  readonly dead: number;
}

type Hash = Pick<Keys, "hash">;

/**
 * Everything that one key ever wrote to one log, in the order of writing. An entry is here, synced, before any peer
 * sees it: what was signed and not handed over is sent by the next command, and no sequence is given twice.
 * `state.json` beside it holds where the log ends, so that a write reads no history; it is made anew when it is lost.
 */
export class OwnLog {
  readonly log: Uint8Array;
  readonly #keys: Hash;
  readonly #path: string;
  #cursor: DocumentCursor;
  #head: LedgerHead | null = null;
  #hlc: Hlc = HLC_ZERO;
  #authorityTip: Uint8Array | null = null;
  /** Bytes of whole frames. */
  #length = 0;
  #lastCheck = "";
  #deadAt: State["deadAt"] | null = null;

  private constructor(keys: Hash, dir: string, log: Uint8Array) {
    this.log = log;
    this.#keys = keys;
    this.#path = join(dir, `log-${toHex(log)}.bin`);
    this.#cursor = new DocumentCursor(keys, log);
  }

  static open(keys: Hash, dir: string, log: Uint8Array): OwnLog {
    const own = new OwnLog(keys, dir, log);
    if (existsSync(own.#path) && !own.#restoreState()) own.#replay();
    return own;
  }

  /** Logs of this key that are here. */
  static list(dir: string): Uint8Array[] {
    if (!existsSync(dir)) return [];
    return readdirSync(dir).flatMap((name) => {
      const log = fromHex(/^log-([0-9a-f]{64})\.bin$/.exec(name)?.[1] ?? "");
      return log === null || log.length === 0 ? [] : [log];
    });
  }

  get head(): LedgerHead | null {
    return this.#head;
  }

  /** Clock of {@link head}. */
  get hlc(): Hlc {
    return this.#hlc;
  }

  /** Where the next update of the ledger's document goes on. Not to be moved by the caller. */
  get cursor(): DocumentCursor {
    return this.#cursor;
  }

  /** The newest authority entry; each has the one before among its ancestors. */
  get authorityTip(): Uint8Array | null {
    return this.#authorityTip;
  }

  /** Durable when it returns. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const isNew = !existsSync(this.#path);
    if (isNew) mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const frames = entries.map((entry) => encodeFrame(this.#keys, entry.bytes));
    const file = openSync(this.#path, isNew ? "wx" : "r+", 0o600);
    try {
      // What a crash left behind the last whole frame was never sent: nobody misses it.
      ftruncateSync(file, this.#length);
      writeWhole(file, concat(...frames), this.#length);
      fsyncSync(file);
    } catch (cause) {
      ftruncateSync(file, this.#length);
      throw diskError(this.#path, cause);
    } finally {
      closeSync(file);
    }
    if (isNew) syncDirectory(dirname(this.#path));
    for (const [i, entry] of entries.entries()) this.#step(entry, frames[i] as Uint8Array);
    this.#saveState();
  }

  /** Ledger entries after a sequence, in order. */
  ledgerAfter(seq: number): Entry<ChainHeader>[] {
    return this.#readAll()
      .filter(isChain)
      .filter((entry) => entry.header.seq > seq);
  }

  ledgerHash(seq: number): Uint8Array | null {
    if (this.#head?.seq === seq) return this.#head.hash;
    return this.#readAll().find((entry) => isChain(entry) && entry.header.seq === seq)?.hash ?? null;
  }

  /** The whole ledger, read anew. */
  ledger(): readonly ChainLink[] {
    const entries = this.ledgerAfter(0);
    const [first] = entries;
    if (first === undefined) return [];
    const chain = new Chain(this.#keys, this.log, CLASS_DESIRED, toHex(first.header.key));
    for (const entry of entries) chain.add(entry);
    return chain.main;
  }

  get items(): LedgerItems {
    const live = this.#cursor.places().length;
    return { live, dead: this.#cursor.next - live };
  }

  /** How many dead items there were with the entry of this number; read once and remembered. */
  deadAt(seq: number): number {
    if (this.#deadAt?.seq !== seq) {
      const links = this.ledger().slice(0, seq);
      this.#deadAt = { seq, dead: (links.at(-1)?.end ?? 0) - currentWrites(links).length };
      this.#saveState();
    }
    return this.#deadAt.dead;
  }

  authorityEntries(): Entry<AuthorityHeader>[] {
    return this.#readAll().filter(isAuthority);
  }

  #step(entry: Entry, frame: Uint8Array): void {
    if (isAuthority(entry)) this.#authorityTip = entry.hash;
    if (isChain(entry)) {
      this.#cursor.advance(entry.payload, entry.header.hlc);
      this.#head = { seq: entry.header.seq, hash: entry.hash };
      this.#hlc = entry.header.hlc;
    }
    this.#length += frame.length;
    this.#lastCheck = toHex(frame.subarray(-CHECK_BYTES));
  }

  #readAll(): Entry[] {
    return existsSync(this.#path) ? this.#frames().map(({ entry }) => entry) : [];
  }

  /** Up to the first frame that is torn or altered, and without a batch whose end is missing: it was never sent. */
  #frames(): { entry: Entry; frame: Uint8Array }[] {
    const found = decodeFrames(this.#keys, new Uint8Array(readFileSync(this.#path))).map(({ bytes, frame }) => ({
      entry: decodeEntry(this.#keys, bytes),
      frame,
    }));
    for (let last = found.at(-1)?.entry; last && isChain(last) && last.header.more > 0; last = found.at(-1)?.entry) {
      found.pop();
    }
    return found;
  }

  #replay(): void {
    for (const { entry, frame } of this.#frames()) this.#step(entry, frame);
    this.#saveState();
  }

  get #statePath(): string {
    return this.#path.replace(/bin$/, "json");
  }

  #saveState(): void {
    const head = this.#head;
    const state: State = {
      v: 1,
      length: this.#length,
      lastCheck: this.#lastCheck,
      head: head && { seq: head.seq, hash: toHex(head.hash), hlc: this.#hlc },
      next: this.#cursor.next,
      tips: this.#cursor.places(),
      authorityTip: this.#authorityTip && toHex(this.#authorityTip),
      ...(this.#deadAt === null ? {} : { deadAt: this.#deadAt }),
    };
    writeFileSync(`${this.#statePath}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${this.#statePath}.new`, this.#statePath);
  }

  /** False if the file says nothing, or speaks of another state of the log than the one that is here. */
  #restoreState(): boolean {
    const state = readState(this.#statePath);
    if (state === null || state.length !== statSync(this.#path).size) return false;
    if (state.lastCheck !== this.#lastBytes(state.length)) return false;
    this.#length = state.length;
    this.#lastCheck = state.lastCheck;
    this.#cursor = DocumentCursor.at(this.#keys, this.log, state.next, state.tips);
    if (state.head !== null) {
      this.#head = { seq: state.head.seq, hash: fromHex(state.head.hash) as Uint8Array };
      this.#hlc = state.head.hlc;
    }
    this.#authorityTip = state.authorityTip === null ? null : fromHex(state.authorityTip);
    this.#deadAt = state.deadAt ?? null;
    return true;
  }

  #lastBytes(length: number): string {
    const bytes = new Uint8Array(Math.min(CHECK_BYTES, length));
    const file = openSync(this.#path, "r");
    try {
      readSync(file, bytes, 0, bytes.length, length - bytes.length);
    } finally {
      closeSync(file);
    }
    return toHex(bytes);
  }
}

interface State {
  readonly v: 1;
  readonly length: number;
  readonly lastCheck: string;
  readonly head: { readonly seq: number; readonly hash: string; readonly hlc: Hlc } | null;
  readonly next: number;
  readonly tips: readonly (readonly [path: string, clock: number])[];
  readonly authorityTip: string | null;
  readonly deadAt?: { readonly seq: number; readonly dead: number };
}

function readState(path: string): State | null {
  try {
    const state = JSON.parse(readFileSync(path, "utf8")) as State;
    return state.v === 1 && Array.isArray(state.tips) ? state : null;
  } catch {
    return null;
  }
}

function writeWhole(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

function diskError(path: string, cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") return cause;
  return new LabError(
    "DiskFull",
    `no room for the operator's own log (${path})`,
    { hint: "nothing was written; make room" },
    { cause },
  );
}

function syncDirectory(path: string): void {
  const dir = openSync(path, "r");
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}
