/** Whoever has a value that it must not have any more. */
export interface Holder {
  /** Hex of the node's log; of an operator the key. */
  readonly id: string;
  readonly name: string;
  /** - `machine`, `operator`: was served the value · `store`: it kept all of them, and could read each */
  readonly as: "machine" | "operator" | "store";
  /** When it was told to be no member, no store or no operator any more; by the clock of who signed that. */
  readonly sinceMs: number;
}

/** A current value that somebody has who must not. A new value ends it. */
export interface Exposure {
  readonly path: string;
  /** Hex of the version. */
  readonly version: string;
  /** - `dynamic`: stores make a new value at once · `static`: somebody has to set one */
  readonly type: "dynamic" | "static";
  readonly sinceMs: number;
  /** Until when somebody has to have set a new value; null where a store makes it. */
  readonly deadlineMs: number | null;
  readonly holders: readonly Holder[];
}
