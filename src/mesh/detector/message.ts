import { fromHex, toHex } from "../../core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../core/encoding.ts";
import type { PeerKey } from "../../core/ports/link.ts";
import {
  incarnationAt,
  MAX_WORDS,
  type Named,
  packWords,
  prefixOf,
  setIncarnation,
  setPrefix,
  type Status,
  unpackWords,
  type Word,
} from "./word.ts";

/** Of all messages here. Another version is answered with an error, which is a sign of life as well. */
const VERSION = 1;

/** A probe and its answer: what the sender knows in eight bytes, and the news it passes on. */
export interface ProbeMessage {
  readonly digest: Uint8Array;
  readonly words: readonly Word[];
  /**
   * - `stays`: nothing changes
   * - `hangs-up`: the sender ends this connection next, because it has enough others
   */
  readonly connection: "stays" | "hangs-up";
}

export interface ErrandMessage {
  readonly member: PeerKey;
  /** Whether to dial the member if there is no connection. */
  readonly mayDial: boolean;
  readonly words: readonly Word[];
}

/**
 * What came of an errand:
 * - `answers`: the member answered
 * - `silent`: it did not, in the time that a probe has
 * - `refused`: no connection, and a new one was refused at once
 * - `not-connected`: there is no connection, and nothing was tried
 */
export type ErrandOutcome = "answers" | "silent" | "refused" | "not-connected";
const OUTCOMES: readonly ErrandOutcome[] = ["answers", "silent", "refused", "not-connected"];

export interface ErrandAnswer {
  readonly outcome: ErrandOutcome;
  readonly words: readonly Word[];
}

/** One line of a table, as far as comparing needs it. */
export interface Line {
  readonly member: PeerKey;
  readonly incarnation: number;
  readonly standing: Standing;
}

/** A status without the doubts, which pass within seconds. */
export type Standing = "alive" | "unreachable" | "left";
const STANDINGS: readonly Standing[] = ["alive", "unreachable", "left"];

export interface CompareAnswer {
  /** Where the one who answers knows more. */
  readonly words: readonly Word[];
  /** Where the one who asks does. */
  readonly wanted: readonly PeerKey[];
}

const DIGEST_BYTES = 8;
const PREFIX_BYTES = 8;
const LINE_BYTES = 15;
const MAX_LINES = 16_384;
const NOTHING = new Uint8Array(0);

export function standingOf(status: Status): Standing {
  switch (status) {
    case "alive":
    case "silent":
    case "refused":
      return "alive";
    case "unreachable":
    case "left":
      return status;
  }
}

export function encodeProbe({ digest, words, connection }: ProbeMessage): Uint8Array {
  const h = connection === "hangs-up" ? true : undefined;
  return encode({ v: VERSION, d: digest, h, w: packed(words) });
}

export function decodeProbe(bytes: Uint8Array, named: Named): ProbeMessage {
  const { d, h, w } = fieldsOf(bytes);
  if (!(d instanceof Uint8Array) || d.length !== DIGEST_BYTES) throw new MalformedError("a probe without a digest");
  return { digest: d, words: unpacked(w, named), connection: h === true ? "hangs-up" : "stays" };
}

export function encodeErrand({ member, mayDial, words }: ErrandMessage): Uint8Array {
  return encode({ v: VERSION, m: fromHex(prefixOf(member)), c: mayDial ? true : undefined, w: packed(words) });
}

/** The member is null if nobody here has that name. */
export function decodeErrand(
  bytes: Uint8Array,
  named: Named,
): Omit<ErrandMessage, "member"> & { readonly member: PeerKey | null } {
  const { m, c, w } = fieldsOf(bytes);
  if (!(m instanceof Uint8Array) || m.length !== PREFIX_BYTES) throw new MalformedError("an errand to nobody");
  return { member: named(toHex(m)) ?? null, mayDial: c === true, words: unpacked(w, named) };
}

export function encodeErrandAnswer({ outcome, words }: ErrandAnswer): Uint8Array {
  return encode({ v: VERSION, o: OUTCOMES.indexOf(outcome), w: packed(words) });
}

export function decodeErrandAnswer(bytes: Uint8Array, named: Named): ErrandAnswer {
  const { o, w } = fieldsOf(bytes);
  const outcome = typeof o === "number" ? OUTCOMES[o] : undefined;
  if (outcome === undefined) throw new MalformedError("an errand with an outcome that there is not");
  return { outcome, words: unpacked(w, named) };
}

export function encodeCompare(lines: readonly Line[]): Uint8Array {
  const t = new Uint8Array(lines.length * LINE_BYTES);
  for (const [i, { member, incarnation, standing }] of lines.entries()) {
    setPrefix(t, i * LINE_BYTES, member);
    setIncarnation(t, i * LINE_BYTES + PREFIX_BYTES, incarnation);
    t[(i + 1) * LINE_BYTES - 1] = STANDINGS.indexOf(standing);
  }
  return encode({ v: VERSION, t });
}

/** Lines about members that nobody here knows are left out. */
export function decodeCompare(bytes: Uint8Array, named: Named): Line[] {
  const { t } = fieldsOf(bytes);
  if (!(t instanceof Uint8Array) || t.length % LINE_BYTES !== 0) throw new MalformedError("a table that is cut off");
  if (t.length > MAX_LINES * LINE_BYTES) throw new MalformedError(`a table of more than ${MAX_LINES} lines`);
  const lines: Line[] = [];
  for (let at = 0; at < t.length; at += LINE_BYTES) {
    const member = named(toHex(t.subarray(at, at + PREFIX_BYTES)));
    const standing = STANDINGS[t[at + LINE_BYTES - 1] ?? 0];
    if (member === undefined || standing === undefined) continue;
    lines.push({ member, incarnation: incarnationAt(t, at + PREFIX_BYTES), standing });
  }
  return lines;
}

export function encodeCompareAnswer({ words, wanted }: CompareAnswer): Uint8Array {
  const n = new Uint8Array(wanted.length * PREFIX_BYTES);
  for (const [i, member] of wanted.entries()) setPrefix(n, i * PREFIX_BYTES, member);
  return encode({ v: VERSION, n, w: packed(words) });
}

export function decodeCompareAnswer(bytes: Uint8Array, named: Named): CompareAnswer {
  const { n, w } = fieldsOf(bytes);
  if (!(n instanceof Uint8Array) || n.length % PREFIX_BYTES !== 0 || n.length > MAX_WORDS * PREFIX_BYTES) {
    throw new MalformedError("wishes that are cut off");
  }
  const wanted: PeerKey[] = [];
  for (let at = 0; at < n.length; at += PREFIX_BYTES) {
    const member = named(toHex(n.subarray(at, at + PREFIX_BYTES)));
    if (member !== undefined) wanted.push(member);
  }
  return { words: unpacked(w, named), wanted };
}

function packed(words: readonly Word[]): Uint8Array | undefined {
  return words.length === 0 ? undefined : packWords(words);
}

function unpacked(value: Plain | undefined, named: Named): readonly Word[] {
  if (value === undefined) return [];
  if (!(value instanceof Uint8Array)) throw new MalformedError("words that are no bytes");
  return unpackWords(value, named);
}

function fieldsOf(bytes: Uint8Array): Readonly<Record<string, Plain | undefined>> {
  const message = bytes.length === 0 ? NOTHING : decode(bytes, "lend");
  if (message === null || typeof message !== "object" || Array.isArray(message) || message instanceof Uint8Array) {
    throw new MalformedError("no message of the detector");
  }
  const fields = message as Record<string, Plain | undefined>;
  if (fields.v !== VERSION) throw new MalformedError("a version that this release does not speak");
  return fields;
}
