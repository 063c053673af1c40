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

/** `✓ enrolled`, `⚠ drift`; a pillar without a source is `–`. */
export function pillarText({ state, detail }: Pillar): string {
  const mark = MARK_OF[state] ?? "?";
  const word = detail === "" && state !== "unknown" ? state : detail;
  return word === "" ? mark : `${mark} ${word}`;
}
