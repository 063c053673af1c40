/** Whoever has a value that it must not have any more. */
export interface Holder {
  readonly node: string;
  readonly name: string;
  /** - `machine`: it was served the value · `store`: it kept all of them, and could read each */
  readonly as: "machine" | "store";
  /** When it was told to be no member, or no store, any more; by the operator's clock. */
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
