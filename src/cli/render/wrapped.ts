/** What a terminal has at least. */
export const COLUMNS = 80;

/** At most 80 columns; what goes on is indented `more` columns deeper than the line. */
export function wrapped(line: string, more: number): string[] {
  const indent = " ".repeat((/^ */.exec(line)?.[0].length ?? 0) + more);
  const lines: string[] = [];
  let rest = line;
  while (rest.length > COLUMNS) {
    const at = rest.lastIndexOf(" ", COLUMNS);
    if (at <= indent.length) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at + 1);
  }
  return [...lines, rest];
}
