/** Shown where nothing is known. */
export const NOTHING = "–";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12 s ago`; a time in the future is `now`. */
export function ago(time: string, nowMs: number): string {
  const ageMs = nowMs - Date.parse(time);
  if (Number.isNaN(ageMs)) return NOTHING;
  return ageMs < SECOND ? "now" : `${span(ageMs)} ago`;
}

/** `12 s`, `5 m`: the largest unit that says enough, rounded down. */
export function span(spanMs: number): string {
  if (spanMs < MINUTE) return `${Math.floor(spanMs / SECOND)} s`;
  if (spanMs < HOUR) return `${Math.floor(spanMs / MINUTE)} m`;
  if (spanMs < 2 * DAY) return `${Math.floor(spanMs / HOUR)} h`;
  return `${Math.floor(spanMs / DAY)} d`;
}

export { clockTime } from "../../core/iso-time.ts";

/**
 * Text of other machines without what a terminal would obey: control characters and marks that turn the direction of
 * writing become visible.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNPRINTABLE, (mark) => `\\u${(mark.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}

/**
 * Printable and one column wide, the marks of our own tables among it: spares most texts the Unicode classes below, which
 * take 5 ms to build.
 */
const PLAIN = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2713-\u2718\u26a0]*$/;
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Columns that a terminal gives to the text: 2 for wide East Asian characters and emoji, 0 for combining marks. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (ZERO_WIDTH.test(character)) continue;
    width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** East Asian Width W and F (Unicode TR 11) in the blocks that names are made of, and pictographs. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function isWide(codePoint: number): boolean {
  return codePoint >= 0x1100 && WIDE.some(([from, to]) => codePoint >= from && codePoint <= to);
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/** Breaks at spaces so that no line is wider, where words allow it. */
export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const isFirst = line.trim() === "";
    if (!isFirst && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}

const SIZES = ["B", "kB", "MB", "GB", "TB"] as const;

/** `812 B`, `3.4 MB`: two digits that matter, powers of 1000. */
export function byteCount(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 999.5 && unit < SIZES.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${SIZES[unit]}`;
}
