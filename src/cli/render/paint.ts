const COLOUR_OF: Readonly<Record<string, number>> = { "✓": 32, "⚠": 33, "✗": 31, "…": 36, "–": 2 };

/** Colours the marks of state, and nothing else: a table must read the same without them. */
export function paint(line: string, color: boolean): string {
  if (!color) return line;
  return line.replace(/[✓⚠✗…–]/gu, (mark) => `\u001b[${COLOUR_OF[mark] ?? 0}m${mark}\u001b[0m`);
}

/** NO_COLOR, FORCE_COLOR, CLICOLOR(_FORCE) and TERM=dumb, in the order in which their users expect them to win. */
export function wantsColor(
  when: string,
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (when !== "auto") return when === "always";
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined) return env["FORCE_COLOR"] !== "0";
  if (env["CLICOLOR_FORCE"] !== undefined && env["CLICOLOR_FORCE"] !== "0") return true;
  return isTerminal && env["TERM"] !== "dumb" && env["CLICOLOR"] !== "0";
}
