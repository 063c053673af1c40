import type { Json } from "./json.ts";

/**
 * What is signed, kept and without effect, because something was taken away (`trust.md` §5): an operator's cut, a fork.
 * Void is not deleted: an operator adopts it (says it again, in a log that counts) or dismisses it.
 */
export interface VoidAct {
  /** Hex of the entry. One entry of a ledger can say several things. */
  readonly entry: string;
  readonly log: string;
  /** Hex of the writer's key. */
  readonly key: string;
  /** Name of the operator, or of the machine, whose log it is; empty if nothing that counts says it. */
  readonly writer: string;
  /** Milliseconds since 1970, by the writer's clock. */
  readonly timeMs: number;
  readonly said: VoidSaid;
  readonly because: VoidCause;
  readonly state: VoidState;
}

export type VoidSaid =
  /** An authority entry; `body` is its payload, to be said again. */
  | { readonly kind: "authority"; readonly type: string; readonly body: Uint8Array }
  /** A write to the desired state; without `value` a removal. */
  | { readonly kind: "write"; readonly path: string; readonly value: Json | undefined };

export type VoidCause =
  /** Its log was cut, or the role label taken away, before it. `by`: the entries that did, the most senior first. */
  | { readonly cause: "cut"; readonly by: readonly string[] }
  /** Its log was opened by an entry that is void itself, because of `by`. */
  | { readonly cause: "opening"; readonly opening: string; readonly by: readonly string[] }
  /** Its writer signed two successors of one link, and nothing says which of them counts. */
  | { readonly cause: "fork"; readonly after: string | null }
  /** Its writer signed two successors of one link, and `by`, checkpoints, chose the other branch. */
  | { readonly cause: "branch"; readonly by: readonly string[] }
  /** The token that it redeems is void. */
  | { readonly cause: "token"; readonly token: string }
  /** A grant of more power than its writer has. */
  | { readonly cause: "rank" };

/**
 * - `unadopted`: nobody has said what becomes of it
 * - `adopted`: what it said counts, by somebody whose word does
 * - `replaced`: its writer, or somebody who knew of it, has said something else since
 * - `dismissed`: an operator has put it aside: a write at `dismissed/<entry>`
 */
export type VoidState = "unadopted" | "adopted" | "replaced" | "dismissed";

/**
 * What a path of the desired state stands for.
 * - `set`: a value counts · `removed`: a removal counts, or what stood here is void and was dismissed
 * - `void`: no value counts, and one that did, or would, is void and unadopted: nothing is destroyed for its absence
 * - `unwritten`: nobody ever wrote there
 */
export type PathStanding = "set" | "removed" | "void" | "unwritten";

/** An act of authority that waits for other operators. */
export interface PendingAct {
  /** Hex of the entry that is to be approved. */
  readonly entry: string;
  readonly log: string;
  readonly writer: string;
  readonly type: string;
  /** Hex of the distinct keys behind it, the writer's first. */
  readonly keys: readonly string[];
  /** How many it takes. */
  readonly need: number;
}

/** A writer who signed two things where one had to be. */
export interface ForkProof {
  readonly log: string;
  /** Name of the operator or of the machine. */
  readonly writer: string;
  readonly of: "authority" | "desired" | "audit" | "observed" | "unknown";
  /** Sequence at which the branches begin; 0 where entries are not numbered. */
  readonly seq: number;
  /** Hex of the entries that contradict each other. */
  readonly entries: readonly string[];
  /**
   * - `frozen`: what comes after it counts no more · `settled`: a checkpoint or a cut says which branch counts
   * - `concurrent`: entries of one authority log that do not know each other; all of them count
   */
  readonly state: "frozen" | "settled" | "concurrent";
}
