/**
 * The plain data of `trust.md` §2. There are no bytes, signatures or forms here: every entry is one that admission would
 * take. Names of entries, keys and logs are opaque; the model compares them only for equality, and orders them only
 * where the rule says that an identifier breaks a tie.
 */
export type Id = string;
export type Key = string;
export type LogId = string;

export interface Keep {
  readonly log: LogId;
  /** Tips of the authority entries that stay. */
  readonly a: readonly Id[] | null;
  /** The last ledger entry that stays. */
  readonly l: Pin | null;
}

/** A place in a ledger. */
export interface Pin {
  readonly seq: number;
  readonly id: Id;
}

export type Right = "admin" | "ops";

export interface Power {
  readonly key: Key;
  readonly rights: readonly Right[];
  readonly need: number;
}

export type Body =
  | { readonly t: "genesis"; readonly root: { keys: readonly Key[]; k: number }; readonly founders: readonly Power[] }
  | ({ readonly t: "grant"; readonly rank: number } & Power)
  | { readonly t: "cut"; readonly key: Key; readonly keeps: readonly Keep[] }
  | { readonly t: "approve"; readonly entry: Id }
  | { readonly t: "enrol"; readonly key: Key; readonly name: string }
  | { readonly t: "token"; readonly name: string | null; readonly roles: readonly string[]; readonly issuer: LogId }
  | { readonly t: "redeem"; readonly token: Id; readonly key: Key; readonly name: string }
  | { readonly t: "role"; readonly node: LogId; readonly label: string }
  | { readonly t: "unrole"; readonly node: LogId; readonly label: string; readonly keeps: readonly Keep[] }
  | { readonly t: "checkpoint"; readonly pins: readonly ({ readonly log: LogId } & Pin)[] };

export type Type = Body["t"];
export type BodyOf<T extends Type> = Extract<Body, { t: T }>;

/** An authority entry: a node of the causal graph. */
export interface EntryWith<B extends Body> {
  readonly id: Id;
  readonly key: Key;
  readonly log: LogId;
  readonly parents: readonly Id[];
  readonly body: B;
}

export type Entry<T extends Type = Type> = { [K in T]: EntryWith<BodyOf<K>> }[T];

/** An entry of a desired ledger: a link of its writer's chain. */
export interface Link {
  readonly id: Id;
  readonly key: Key;
  readonly log: LogId;
  readonly seq: number;
  readonly prev: Id | null;
  readonly hlc: number;
  readonly writes: readonly Write[];
}

export interface Write {
  readonly path: string;
  /** `null`: a tombstone. */
  readonly value: string | null;
  /** Links with the writes at this path that the writer saw. */
  readonly over: readonly Id[];
}

export interface History {
  readonly entries: readonly Entry[];
  readonly links: readonly Link[];
}

export type Item = Entry | Link;

export function isLink(item: Item): item is Link {
  return "seq" in item;
}
