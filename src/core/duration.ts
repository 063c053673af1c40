import { LabError } from "./errors.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `5m`, `24h`, `90d` or several in a row (`1h30m`); null if it is no duration. */
export function durationMs(text: string): number | null {
  if (!/^(\d+(ms|[smhd]))+$/.test(text)) return null;
  let total = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/(\d+)(ms|[smhd])/g))
    total += Number(count) * (UNITS_MS[unit] ?? 0);
  return Number.isSafeInteger(total) ? total : null;
}

/** As {@link durationMs}. Throws `Usage`. */
export function parseDurationMs(text: string, field = "duration"): number {
  const found = durationMs(text);
  if (found !== null) return found;
  throw new LabError("Usage", `"${text}" is not a duration`, {
    field,
    hint: "a number and a unit: 30s, 5m, 24h, 90d",
  });
}

const PRINTED = Object.entries(UNITS_MS).reverse();

/** As people write it, in as few parts as it takes: `90s` is `1m30s`, nothing is `0s`. Milliseconds are the smallest. */
export function printDuration(seconds: number): string {
  let leftMs = Math.round(seconds * 1000);
  let text = "";
  for (const [unit, ms] of PRINTED) {
    const count = Math.floor(leftMs / ms);
    if (count > 0) text += `${count}${unit}`;
    leftMs -= count * ms;
  }
  return text === "" ? "0s" : text;
}
