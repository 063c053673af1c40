import type { Log, LogLevel } from "../../core/ports/log.ts";
import { Secret } from "../../core/secret.ts";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Deeper facts are not read by anybody, and a peer may have chosen how deep they are. */
const DEPTH_MAX = 6;

/**
 * One JSON object per line: `at` (ISO 8601), `level`, `event`, `facts`. Below `level` nothing is written. Takes every
 * fact: what JSON cannot say is described in brackets. Raw bytes are only counted, because they may be anything; whoever
 * wants a public key in the log says `toHex`.
 */
export function jsonLinesLog(write: (line: string) => void, level: LogLevel): Log {
  return {
    write(lineLevel, event, facts) {
      if (RANK[lineLevel] < RANK[level]) return;
      const line = { at: new Date().toISOString(), level: lineLevel, event, facts: facts && printable(facts, []) };
      write(`${escapeControls(JSON.stringify(line))}\n`);
    },
  };
}

type Printable = string | number | boolean | null | undefined | Printable[] | { [name: string]: Printable };

function printable(fact: unknown, above: readonly object[]): Printable {
  if (typeof fact === "bigint") return fact.toString();
  if (typeof fact === "number") return Number.isFinite(fact) ? fact : String(fact);
  if (typeof fact === "string" || typeof fact === "boolean" || fact === undefined || fact === null) return fact;
  if (typeof fact !== "object") return `[${typeof fact}]`;
  if (fact instanceof Secret) return "[secret]";
  if (ArrayBuffer.isView(fact) || fact instanceof ArrayBuffer) return `[${fact.byteLength} bytes]`;
  if (above.includes(fact)) return "[circular]";
  if (above.length === DEPTH_MAX) return "[deep]";
  try {
    return printableObject(fact, [...above, fact]);
  } catch {
    // A getter threw, or a proxy: a log that throws would take the agent with it.
    return "[unreadable]";
  }
}

function printableObject(fact: object, above: readonly object[]): Printable {
  const inner = (value: unknown) => printable(value, above);
  if (fact instanceof Error) {
    const code = "code" in fact ? inner(fact.code) : fact.name;
    return { code, message: fact.message, cause: inner(fact.cause) };
  }
  if (fact instanceof Date) return fact.getTime() === fact.getTime() ? fact.toISOString() : "[no date]";
  if (fact instanceof Map)
    return Object.fromEntries([...fact].map(([key, value]) => [textOf(inner(key)), inner(value)]));
  if (Array.isArray(fact) || fact instanceof Set) return [...fact].map(inner);
  return Object.fromEntries(Object.entries(fact).map(([name, value]) => [name, inner(value)]));
}

function textOf(key: Printable): string {
  return typeof key === "string" ? key : JSON.stringify(key ?? null);
}

/** JSON leaves DEL and the C1 controls as they are, and a terminal obeys some of them. */
function escapeControls(json: string): string {
  // oxlint-disable-next-line no-control-regex
  return json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
