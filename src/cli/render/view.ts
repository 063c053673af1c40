import type { Kind } from "../../operations/declarations/registry.ts";
import type { Cell } from "./table.ts";

/** How a kind is shown to people. The JSON form never goes through it. */
export interface View<T> {
  readonly columns: readonly Column<T>[];
  /** What `-o name` prints and `-w` recognises an item by. */
  readonly name: (item: T) => string;
  /** Said on stderr for a list that is empty and may be. */
  readonly empty: { readonly text: string; readonly hint?: string };
  /** The kind that `lab apply` reads, whose declarations `-o yaml` writes. */
  readonly declares?: Kind;
}

export interface Column<T> {
  readonly header: string;
  /** Only with `-o wide` (and in CSV). */
  readonly wide?: boolean;
  readonly cell: (item: T, nowMs: number) => Cell;
  /** The value itself for CSV, where the cell shows an age or a mark. */
  readonly exact?: (item: T) => string | null;
}
