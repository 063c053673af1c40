import { fromHex, toBase64Url, toHex } from "../src/core/bytes.ts";
import { HLC_MAX_AHEAD_MS, HLC_ZERO, type Hlc, mergeHlc, nextHlc } from "../src/core/hlc.ts";
import type { Json } from "../src/core/json.ts";
import type { Clock } from "../src/core/ports/clock.ts";
import type { Keys, Signer } from "../src/core/ports/keys.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import { composeAuthority, composeLink } from "../src/crdt/compose.ts";
import { type AuthorityHeader, type ChainHeader, CLASS_DESIRED, type Entry } from "../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import { entrySubmitOperation } from "../src/operations/entry.ts";
import type { OutputOf } from "../src/operations/operation.ts";
import { operatorContextOperation } from "../src/operations/operator.ts";
import type { History } from "./history.ts";
import type { Machine } from "./machine.ts";

export type OperatorContext = OutputOf<typeof operatorContextOperation>;

const CLASS_UNKNOWN = 99;

export interface Wish {
  readonly path: string;
  readonly value: Json | undefined;
}

/** What an operator at work finds that must never be. */
export class OperatorAlarm extends Error {}

export interface OperatorParts {
  readonly name: string;
  readonly mesh: Uint8Array;
  /** The log in which she administers and writes desired state. */
  readonly log: Uint8Array;
  readonly signer: Signer;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly history: History;
}

/**
 * An honest operator at the command line: acts through one agent at a time, keeps what she signed before anybody else
 * has it, and takes her own log along, so that she never forks whichever agent she turns to next.
 */
export class SimOperator {
  readonly name: string;
  readonly log: string;
  readonly #parts: OperatorParts;
  readonly #ledger: Uint8Array[] = [];
  readonly #acts: Entry<AuthorityHeader>[] = [];
  /** Links of a class of a later release. */
  readonly #unknown: Entry<ChainHeader>[] = [];
  readonly #cursor: DocumentCursor;
  /** How many of her acts there were when she asked. */
  readonly #actsAt = new WeakMap<OperatorContext, number>();
  #head: { readonly seq: number; readonly hash: Uint8Array } | null = null;
  #hlc: Hlc = HLC_ZERO;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.log = toHex(parts.log);
    this.#cursor = new DocumentCursor(parts.keys, parts.log);
  }

  get signer(): Signer {
    return this.#parts.signer;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** What this agent knows; null if the operator would not sign with it: it does not know her, or their clocks differ. */
  async ask(
    machine: Machine,
    paths: readonly string[],
    servers: readonly string[] = [],
  ): Promise<OperatorContext | null> {
    const own = this.#acts.at(-1)?.id;
    const context = await machine.call(operatorContextOperation, {
      key: toHex(this.#parts.signer.publicKey),
      holds: own === undefined ? [] : [own],
      servers: [...servers],
      paths: [...paths],
    });
    const known = context.logs.find(({ log }) => log === this.log);
    if (known === undefined) return null;
    if (Math.abs(this.#parts.clock.now() - context.nowMs) > HLC_MAX_AHEAD_MS) return null;
    if ((known.head?.seq ?? 0) > (this.#head?.seq ?? 0)) {
      throw new OperatorAlarm(`${machine.name} knows entries of ${this.name} that ${this.name} never signed`);
    }
    // What the agent lacks of hers goes there with the next entries; mostly that is nothing.
    this.#actsAt.set(context, context.lacks.length > 0 ? 0 : this.#acts.length);
    return context;
  }

  /** Signs one entry with these writes. It is in her own log when this returns, and nowhere else. */
  sign(context: OperatorContext, wishes: readonly Wish[]): string {
    return this.#signLink(context, wishes, 0);
  }

  /** The same for one batch of several entries. */
  signBatch(context: OperatorContext, parts: readonly (readonly Wish[])[]): void {
    const { history } = this.#parts;
    history.batchPaths.set(
      this.name,
      parts.flat().map(({ path }) => path),
    );
    for (const [i, part] of parts.entries()) {
      history.batchEntries.add(this.#signLink(context, part, parts.length - 1 - i));
    }
  }

  #signLink(context: OperatorContext, wishes: readonly Wish[], more: number): string {
    const { keys, clock, mesh, log, signer, history } = this.#parts;
    const nowMs = clock.now();
    const hlc = nextHlc(mergeHlc(this.#hlc, context.newest, nowMs), nowMs);
    const writes = wishes.map(({ path, value }) => ({ path, value, over: context.others[path] ?? [] }));
    const position = { mesh, log, class: CLASS_DESIRED, head: this.#head, hlc, seen: unhex(context.seen), more };
    const entry = composeLink(keys, position, this.#cursor.encode(writes, hlc), signer);
    this.#cursor.advance(entry.payload, hlc);
    this.#head = { seq: entry.header.seq, hash: entry.hash };
    this.#hlc = hlc;
    this.#ledger.push(entry.bytes);
    const { seq } = entry.header;
    for (const write of writes) {
      history.wrote({ operator: this.name, log: this.log, seq, entry: entry.id, hlc, ...write });
    }
    return entry.id;
  }

  /** Signs a link of a class that no release has a meaning for yet. */
  signUnknown(context: OperatorContext, payload: Uint8Array): void {
    const { keys, clock, mesh, log, signer, history } = this.#parts;
    const last = this.#unknown.at(-1);
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const hlc = nextHlc(mergeHlc(last?.header.hlc ?? HLC_ZERO, context.newest, clock.now()), clock.now());
    const position = { mesh, log, class: CLASS_UNKNOWN, head, hlc, seen: unhex(context.seen), more: 0 };
    const entry = composeLink(keys, position, payload, signer);
    this.#unknown.push(entry);
    history.signed.add(entry.id);
  }

  /** Signs one act of authority, after everything that the agent and she know. */
  act(context: OperatorContext, body: KnownBody): string {
    const { keys, mesh, log, signer, history } = this.#parts;
    const own = this.#acts.at(-1);
    const parents = [...context.tips.map(unhex), ...(own === undefined ? [] : [own.hash])];
    const entry = composeAuthority(keys, { mesh, log, parents }, body, signer);
    this.#acts.push(entry);
    history.signed.add(entry.id);
    return entry.id;
  }

  /** Hands over all that this agent lacks of hers, or only so many entries, as if she were cut off. Resolves when the agent says that it is durable there. */
  async handOver(machine: Machine, context: OperatorContext, most?: number): Promise<void> {
    const { clock, history } = this.#parts;
    const known = context.logs.find(({ log }) => log === this.log)?.head?.seq ?? 0;
    const acts = this.#acts.slice(this.#actsAt.get(context));
    const others = [...acts, ...this.#unknown].map(({ bytes }) => bytes);
    const entries = [...others, ...this.#ledger.slice(known)].slice(0, most);
    if (entries.length === 0) return;
    const { results } = await machine.call(entrySubmitOperation, { entries: entries.map(toBase64Url) });
    for (const { hash, state, reason } of results) {
      if (state === "refused") throw new OperatorAlarm(`${machine.name} refuses what ${this.name} signed: ${reason}`);
      if (state === "parked") continue;
      history.acknowledged({ entry: hash, machine: machine.name, atMs: clock.now() });
    }
  }
}

function unhex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
}
