import { displayWidth, pad, printable } from "./text.ts";

/** A text, or a list that may be shown in part where a terminal is too narrow. */
export type Cell = string | readonly string[];

export interface TableOptions {
  /** Columns of the terminal; without it nothing is shortened. */
  readonly columns?: number | undefined;
  readonly headers: boolean;
}

const GAP = 3;
const NARROW_GAP = 2;

/** Lines of a table. Only lists are ever shortened: to `app,prod +1`. */
export function renderTable(
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string[] {
  const texts = rows.map((row) => row.map(cellText));
  const head = options.headers ? [[...headers]] : [];
  const { columns } = options;
  if (columns === undefined || tableWidth([...head, ...texts], GAP) <= columns) return layOut([...head, ...texts], GAP);
  const lists = headers.map((_, i) => rows.some((row) => typeof row[i] === "object"));
  const index = lists.indexOf(true);
  if (index < 0) return layOut([...head, ...texts], NARROW_GAP);
  const others = [...head, ...texts].map((row) => row.map((text, i) => (i === index ? "" : text)));
  const room = columns - tableWidth(others, NARROW_GAP);
  const shortened = texts.map((row, r) =>
    row.map((text, i) => (i === index ? shorten(rows[r]?.[i] ?? text, room) : text)),
  );
  return layOut([...head, ...shortened], NARROW_GAP);
}

/** As many of the list as fit, and how many are left: `app,prod +1`; if not even one fits, `+3`. */
export function shorten(cell: Cell, room: number): string {
  if (typeof cell === "string") return printable(cell);
  for (let shown = cell.length; shown > 0; shown--) {
    const text = cell.slice(0, shown).map(printable).join(",");
    const short = shown < cell.length ? `${text} +${cell.length - shown}` : text;
    if (displayWidth(short) <= room) return short;
  }
  return `+${cell.length}`;
}

export function cellText(cell: Cell): string {
  return printable(typeof cell === "string" ? cell : cell.join(","));
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, text] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, displayWidth(text));
  }
  return widths;
}

function tableWidth(rows: readonly (readonly string[])[], gap: number): number {
  const widths = widthsOf(rows);
  return widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1);
}

function layOut(rows: readonly (readonly string[])[], gap: number): string[] {
  const widths = widthsOf(rows);
  return rows.map((row) =>
    row
      .map((text, i) => pad(text, (widths[i] ?? 0) + gap))
      .join("")
      .trimEnd(),
  );
}
