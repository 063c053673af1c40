import type { View } from "../view.ts";
import { type CurrentVersion, currentVersion, type OverlappingVersion, versionsOf } from "./version.ts";

/**
 * The `overlap` of a declaration: what the current version took the place of is valid for a while longer, so that who
 * checks a value knows both before who shows it has the new one. The version itself says so: nothing is left of it as
 * soon as another one counts.
 */

/** What is valid besides the current version at this time; null where nothing is. */
export function overlapAt(current: CurrentVersion | undefined, nowMs: number): OverlappingVersion | null {
  const before = current?.metadata.before;
  return before !== undefined && nowMs < before.untilMs ? before : null;
}

/** The version of it, as far as it is known here. */
export function versionBefore(view: View, path: string, nowMs: number): CurrentVersion | undefined {
  const overlap = overlapAt(currentVersion(view, path), nowMs);
  return overlap === null ? undefined : versionsOf(view, path).find(({ version }) => version === overlap.version);
}
