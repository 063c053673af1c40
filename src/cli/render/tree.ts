import { displayWidth, pad } from "./text.ts";

/** `├── a` and `└── b` for the lines that hang on a heading. */
export function branches(items: readonly string[], indent = "  "): string[] {
  return items.map((item, i) => `${indent}${i === items.length - 1 ? "└──" : "├──"} ${item}`);
}

/** The first `most`, and how many there are besides. */
export function some(items: readonly string[], most: number): string[] {
  return items.length <= most ? [...items] : [...items.slice(0, most - 1), `... (${items.length - most + 1} more)`];
}

/** Texts in columns as wide as their widest. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? ""))));
  return rows.map((row) =>
    row
      .map((text, column) => pad(text, widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
