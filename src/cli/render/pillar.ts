import type { Pillar } from "../../operations/kinds/server.ts";
import { NOTHING } from "./text.ts";

const MARK_OF: Readonly<Record<string, string>> = {
  ok: "✓",
  drift: "⚠",
  warning: "⚠",
  failed: "✗",
  pending: "…",
  unknown: NOTHING,
};

/** Its word without the mark; nothing where there is no source. */
export function pillarWord({ state, detail }: Pillar): string {
  return detail === "" && state !== "unknown" ? state : detail;
}

/** `✓ enrolled`, `⚠ drift`; a pillar without a source is `–`. */
export function pillarText(pillar: Pillar): string {
  const mark = MARK_OF[pillar.state] ?? "?";
  const word = pillarWord(pillar);
  return word === "" ? mark : `${mark} ${word}`;
}
