import type { PeerKey } from "../../core/ports/link.ts";
import type { Verdict } from "../../core/ports/verdict.ts";
import { type Line, type Standing, standingOf } from "./message.ts";
import type { Suspicion } from "./suspicion.ts";
import { prefixOf, type Status, type Word } from "./word.ts";

/** What is held of one member. Times are monotonic milliseconds. */
export interface Entry {
  readonly member: PeerKey;
  /** 0: it has never said anything itself that reached this node. */
  incarnation: number;
  signature: Uint8Array;
  /** Null: never heard of. */
  status: Status | null;
  sinceMs: number;
  /** While it is accused. */
  suspicion: Suspicion | null;
  /** When it last raised its incarnation in answer to an accusation. */
  defendedMs: number;
  /** When it was last taken for alive. */
  aliveMs: number | null;
}

const NO_SIGNATURE = new Uint8Array(0);
const DIGEST_BYTES = 8;

/**
 * All other members, and a digest over their standings that costs nothing while nothing changes: two nodes that hold
 * the same say the same eight bytes.
 */
export class Table {
  readonly #entries = new Map<PeerKey, Entry>();
  readonly #byPrefix = new Map<string, PeerKey>();
  readonly #self: PeerKey;
  /** As last told. */
  #members: readonly PeerKey[] = [];
  /** Of what others hold of this node. */
  #own: Line;
  #low = 0;
  #high = 0;
  #digest: Uint8Array | null = null;
  #alive = 0;
  #left = 0;
  #revision = 0;
  /** All who are not alive beyond doubt. */
  readonly #astray = new Set<Entry>();

  constructor(self: PeerKey, incarnation: number) {
    this.#self = self;
    this.#byPrefix.set(prefixOf(self), self);
    this.#own = { member: self, incarnation, standing: "alive" };
    this.#mix(this.#own);
  }

  /** Those who are no members any more are forgotten. */
  setMembers(keys: readonly PeerKey[], nowMs: number): void {
    if (keys === this.#members) return;
    this.#members = keys;
    const wanted = new Set(keys);
    for (const entry of [...this.#entries.values()]) if (!wanted.has(entry.member)) this.#remove(entry);
    for (const member of keys) {
      if (this.#entries.has(member)) continue;
      const never = { defendedMs: Number.NEGATIVE_INFINITY, aliveMs: null, suspicion: null, status: null };
      const entry: Entry = { member, incarnation: 0, signature: NO_SIGNATURE, sinceMs: nowMs, ...never };
      this.#entries.set(member, entry);
      this.#astray.add(entry);
      this.#byPrefix.set(prefixOf(member), member);
      this.#revision++;
    }
  }

  /** Grows with every change of a status, and of who is a member. */
  get revision(): number {
    return this.#revision;
  }

  readonly named = (prefix: string): PeerKey | undefined => this.#byPrefix.get(prefix);

  get(member: PeerKey): Entry | undefined {
    return this.#entries.get(member);
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Other members. */
  get size(): number {
    return this.#entries.size;
  }

  get astray(): Iterable<Entry> {
    return this.#astray;
  }

  /** Of those, who is alive beyond doubt. */
  get alive(): number {
    return this.#alive;
  }

  get left(): number {
    return this.#left;
  }

  setOwn(incarnation: number, standing: Standing): void {
    this.#mix(this.#own);
    this.#own = { member: this.#self, incarnation, standing };
    this.#mix(this.#own);
  }

  set(entry: Entry, change: Partial<Pick<Entry, "incarnation" | "signature" | "status">>, nowMs: number): void {
    this.#count(entry, -1);
    const before = entry.status;
    Object.assign(entry, change);
    if (entry.status !== before) {
      this.#revision++;
      if (entry.status === "alive") this.#astray.delete(entry);
      else this.#astray.add(entry);
      // A second accusation of another kind does not begin anew.
      if (!(isDoubt(before) && isDoubt(entry.status))) entry.sinceMs = nowMs;
      if (before === "alive") entry.aliveMs = nowMs;
    }
    this.#count(entry, 1);
  }

  get digest(): Uint8Array {
    if (this.#digest === null) {
      this.#digest = new Uint8Array(DIGEST_BYTES);
      const view = new DataView(this.#digest.buffer);
      view.setUint32(0, this.#high >>> 0);
      view.setUint32(4, this.#low >>> 0);
    }
    return this.#digest;
  }

  /** What this node would tell of itself and all who have ever spoken. */
  lines(): Line[] {
    const lines = [this.#own];
    for (const entry of this.#entries.values()) if (isTold(entry)) lines.push(lineOf(entry));
    return lines;
  }

  #remove(entry: Entry): void {
    this.#count(entry, -1);
    this.#entries.delete(entry.member);
    this.#astray.delete(entry);
    this.#revision++;
    this.#byPrefix.delete(prefixOf(entry.member));
  }

  #count(entry: Entry, by: 1 | -1): void {
    if (entry.status === "alive") this.#alive += by;
    if (entry.status === "left") this.#left += by;
    if (isTold(entry)) this.#mix(lineOf(entry));
  }

  /** Adds the line to the digest, or takes it out again. */
  #mix({ member, incarnation, standing }: Line): void {
    let low = 0x811c9dc5;
    let high = 0x9e3779b9;
    const take = (value: number): void => {
      low = Math.imul(low ^ value, 0x01000193);
      low ^= low >>> 13;
      high = Math.imul(high ^ value, 0x85ebca6b);
      high ^= high >>> 16;
    };
    for (let at = 0; at < 16; at += 8) take(Number.parseInt(member.slice(at, at + 8), 16) | 0);
    take((incarnation / 2 ** 32) | 0);
    take(incarnation | 0);
    take(standing.length);
    this.#low ^= low;
    this.#high ^= high;
    this.#digest = null;
  }
}

export function isDoubt(status: Status | null): boolean {
  return status === "silent" || status === "refused";
}

export function wordOf({ member, incarnation, status, signature, suspicion }: Entry): Word {
  const accusers = suspicion?.accusers ?? [];
  return { member, incarnation, status: status ?? "alive", accusers, signature };
}

/** What a member has never said itself stays with whoever saw it. */
function isTold({ incarnation, status }: Entry): boolean {
  return incarnation > 0 && status !== null;
}

function lineOf({ member, incarnation, status }: Entry): Line {
  return { member, incarnation, standing: standingOf(status ?? "alive") };
}

/** Which of the two knows more: positive if it is this node, 0 if both know the same. */
export function orderOf(entry: Entry, line: Line | undefined): number {
  const mine = entry.incarnation > 0 && entry.status !== null ? standingOf(entry.status) : null;
  if (line === undefined) return mine === null ? 0 : 1;
  if (mine === null) return -1;
  if (entry.incarnation !== line.incarnation) return entry.incarnation - line.incarnation;
  return RANK[mine] - RANK[line.standing];
}

const RANK = { alive: 0, unreachable: 1, left: 2 } as const;

/** What a standing is called. */
export function verdictOf(status: Status | null): Verdict {
  switch (status) {
    case null:
      return "unknown";
    case "silent":
    case "refused":
      return "suspect";
    case "alive":
    case "unreachable":
    case "left":
      return status;
  }
}
