import { generatorOf } from "../policy/generated.ts";
import { secretPath } from "../paths.ts";
import type { Grant } from "../secrets/grant-log.ts";
import { overlapAt } from "../secrets/overlap.ts";
import { type CurrentVersion, currentVersions, STORE_CLASS } from "../secrets/version.ts";
import type { Departure, View } from "../view.ts";
import type { Exposure, Holder } from "./exposure.ts";

/** How long a value that somebody has to set by hand may stay exposed before people are told. */
export const EXPOSED_DEADLINE_MS = 7 * 24 * 3_600_000;

/**
 * What those who left have of what counts now, ascending by path. Of a machine or an operator that is what stores say to have
 * given, of a store all that was written by somebody who did not know that it was a store no more.
 */
export function exposuresOf(
  view: Pick<View, "departures" | "desired" | "desiredUnder">,
  grants: readonly Grant[],
  generators: ReadonlySet<string>,
  nowMs: number,
): readonly Exposure[] {
  const departures = view.departures();
  if (departures.length === 0) return [];
  const served = servedTo(grants);
  return currentVersions(view).flatMap((current): Exposure[] => {
    const holders = departures.flatMap((departure) => holderOf(departure, current, served, nowMs));
    if (holders.length === 0) return [];
    const { path, version } = current;
    const generator = generatorOf(view.desired(secretPath(path))?.value);
    const type = generator !== null && generators.has(generator) ? "dynamic" : "static";
    const sinceMs = Math.min(...holders.map((holder) => holder.sinceMs));
    const deadlineMs = type === "dynamic" ? null : sinceMs + EXPOSED_DEADLINE_MS;
    return [{ path, version, type, sinceMs, deadlineMs, holders }];
  });
}

/** Versions by machine or operator and path, and when the last one was given whose version is not on record. */
type Served = ReadonlyMap<string, { readonly versions: ReadonlySet<string>; readonly untoldMs: number }>;

function servedTo(grants: readonly Grant[]): Served {
  const served = new Map<string, { versions: Set<string>; untoldMs: number }>();
  for (const { node, operator, name, path, version, lastMs } of grants) {
    const id = `${operator ?? node ?? name} ${path}`;
    const known = served.get(id) ?? { versions: new Set<string>(), untoldMs: 0 };
    if (version === null) known.untoldMs = Math.max(known.untoldMs, lastMs);
    else known.versions.add(version);
    served.set(id, known);
  }
  return served;
}

function holderOf(departure: Departure, current: CurrentVersion, served: Served, nowMs: number): Holder[] {
  const { id, name, from, atMs } = departure;
  const { path, version, metadata } = current;
  // As good as the current one while it is valid; a value that is made for it leaves no overlap.
  const valid = [version, overlapAt(current, nowMs)?.version ?? version];
  switch (from) {
    case "mesh": {
      const was = [served.get(`${id} ${path}`), served.get(`${name} ${path}`)];
      const has = was.some((given) => {
        return given !== undefined && (valid.some((one) => given.versions.has(one)) || given.untoldMs >= metadata.atMs);
      });
      return has ? [{ id, name, as: "machine", sinceMs: atMs }] : [];
    }
    case "operators":
      if (!valid.some((one) => served.get(`${id} ${path}`)?.versions.has(one) === true)) return [];
      return [{ id, name, as: "operator", sinceMs: atMs }];
    case "stores":
      if (metadata.class !== STORE_CLASS || departure.isKnownTo(metadata.tips)) return [];
      return [{ id, name, as: "store", sinceMs: atMs }];
  }
}
