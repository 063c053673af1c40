import type { PlacedFile } from "./generation.ts";

/** Accounts besides the agent's own that something in place belongs to. */
export function consumersOf(files: readonly PlacedFile[], ownUid: number): ReadonlySet<number> {
  const uids = new Set(files.flatMap(({ access }) => [access.uid, ...access.readers]));
  uids.delete(ownUid);
  return uids;
}

/** Whether an account may ask for a secret that is in place: it owns the file, or is declared to be one of its readers. */
export function belongsTo(files: readonly PlacedFile[], uid: number, path: string): boolean {
  const access = files.find(({ name }) => name === path)?.access;
  return access !== undefined && (access.uid === uid || access.readers.includes(uid));
}
