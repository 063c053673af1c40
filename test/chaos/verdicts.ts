/** While it lasts, nobody of `side` and nobody of the others can hear each other. */
export interface Absence {
  readonly fromMs: number;
  /** Infinity until it has ended. */
  toMs: number;
  readonly side: ReadonlySet<string>;
  /** What it was, for people. */
  readonly what: string;
}

/** Somebody said of somebody that it is gone. */
export interface Sighting {
  readonly by: string;
  readonly about: string;
  readonly atMs: number;
  readonly kind: /** It is not there at this moment. */
    | "gone"
    /** People have to be told. */
    | "alarm";
}

/** From the end of an absence on until everybody knows that it is over. */
export const GRACE_MS = 15_000;

/** A sighting that was wrong, as a sentence. */
export interface Wrong {
  readonly atMs: number;
  readonly detail: string;
}

/**
 * Sightings of machines that ran and could be reached. Whoever comes from the other side of a cut tells what was true
 * there, which is heard before it is refuted: after a cut somebody may be taken for gone by his own side for a moment.
 * An alarm is only right about somebody whom its observer could not reach, for as long as alarms take.
 */
export function wrongSightings(
  sightings: readonly Sighting[],
  absences: readonly Absence[],
  alarmAfterMs: number,
): Wrong[] {
  return sightings.flatMap(({ by, about, kind, atMs }) => {
    const excuse = absences.find(({ side, fromMs, toMs }) => {
      if (atMs < fromMs || atMs > toMs + GRACE_MS) return false;
      const isApart = side.has(by) !== side.has(about);
      if (kind === "gone") return isApart || side.size > 1;
      return isApart && Math.min(toMs, atMs) - fromMs >= alarmAfterMs;
    });
    if (excuse !== undefined) return [];
    const detail = kind === "gone" ? `${by} takes ${about} for gone` : `${by} raises an alarm about ${about}`;
    return [{ atMs, detail: `${detail}, which ran and could be reached` }];
  });
}

/**
 * Alarms about others that somebody raised who saw less than half of the mesh. `members` are those of when all began: who
 * joined since was on one side only, and the other cannot count it. `strays` are members besides whom any side may hear.
 */
export function alarmsOfIsolated(
  sightings: readonly Sighting[],
  absences: readonly Absence[],
  { members, strays }: { readonly members: number; readonly strays: number },
): Wrong[] {
  return sightings.flatMap(({ by, about, kind, atMs }) => {
    if (kind !== "alarm") return [];
    const alone = absences.find(
      ({ side, fromMs, toMs }) =>
        side.has(by) && (side.size + strays) * 2 < members + strays && fromMs <= atMs && atMs < toMs,
    );
    const detail = `${by}, itself on its own (${alone?.what}), raises an alarm about ${about}`;
    return alone === undefined ? [] : [{ atMs, detail }];
  });
}
