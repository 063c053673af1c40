/** RFC 3339, UTC. A clock of a hostile writer may name a time that no calendar has. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), 8.64e15)).toISOString();
}

/** For people, in UTC: `2026-11-21 12:00:05`. */
export function clockTime(time: string): string {
  return time.replace("T", " ").replace(/(\.\d+)?Z$/, "");
}
