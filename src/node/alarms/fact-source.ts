import type { ReadSource } from "../handlers/read-source.ts";

/** What facts are read from. */
export type FactSource = Pick<
  ReadSource,
  | "replica"
  | "directory"
  | "self"
  | "definitions"
  | "opinion"
  | "observation"
  | "ownRoles"
  | "complaints"
  | "exposures"
  | "nowMs"
>;
