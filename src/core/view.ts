import type { Hlc } from "./hlc.ts";
import type { Json } from "./json.ts";
import type { ForkProof, PathStanding, PendingAct, VoidAct } from "./voids.ts";

/**
 * What the replicated entries mean, as roles, operations and the reconciler see it: plain reading, no entries.
 * Two peers with the same entries have the same view.
 */
export interface View {
  readonly mesh: string;
  readonly meshName: string;
  /** Grows with every change of what this replica knows; local, never compared between peers. */
  readonly revision: number;
  /** Every node that was ever let in, by id. */
  readonly nodes: ReadonlyMap<string, Node>;
  readonly operators: readonly Operator[];
  readonly tokens: readonly Token[];
  /** Age recipient of the recovery code, if there is one. */
  readonly recovery: string | null;
  readonly newest: Hlc;
  /** Who left, and what of. */
  departures(): readonly Departure[];
  /** The active or suspended node with this key; a cut node only if the key has no other. */
  nodeByKey(key: string): Node | undefined;
  /** The node that owns this name. */
  nodeByName(name: string): Node | undefined;
  /** The log in which this node writes as holder of a role, or undefined if it holds it not. */
  roleLog(id: string, role: string): string | undefined;
  /** Active nodes that have this role label. */
  holders(role: string): readonly Node[];
  /** Labels, role labels included, sorted. */
  labelsOf(id: string): readonly string[];
  attributeOf(id: string, attribute: string): string | undefined;
  desired(path: string): PathWinner | undefined;
  /** True if some write at this path counts, be it a removal. */
  isWritten(path: string): boolean;
  /** What is missing here because it is void is not removed: nothing may be destroyed for it. */
  standing(path: string): PathStanding;
  /**
   * Hex of the entries that a new write of `log` at this path names in `over`: of others, what counts there and is not
   * superseded, and what is void and unadopted, as the new write says what becomes of it.
   */
  othersAt(path: string, log: string): readonly string[];
  /** Every write at this path that counts or counted, the winner first, what it leaves aside next, then the newest. */
  writesAt(path: string): readonly PathWrite[];
  desiredUnder(prefix: string): readonly (readonly [path: string, winner: PathWinner])[];
  /** How much of desired state this view has seen; local, for {@link View.changedSince} of a later one. */
  readonly mark: DesiredMark;
  /** Paths that were written since an earlier view; null where that cannot be told, so that all may have changed. */
  changedSince(mark: DesiredMark): readonly string[] | null;
  conflicts(): readonly Conflict[];
  /** All that is void, oldest first by the writers' clocks. */
  voids(): readonly VoidAct[];
  /** The void and unadopted writes at this path. */
  voidsAt(path: string): readonly VoidAct[];
  /** Acts that wait for more operators. */
  pending(): readonly PendingAct[];
  forks(): readonly ForkProof[];
}

export interface DesiredMark {
  /** The fold that counted: marks of different folds cannot be compared. */
  readonly fold: object;
  readonly writes: number;
}

export interface Node {
  /** Hex of the node's log. */
  readonly id: string;
  /** Hex of its Ed25519 key. */
  readonly key: string;
  /** Age recipient that its secrets are sealed to. */
  readonly seal: string;
  readonly name: string;
  readonly naming: "owned" | "contested";
  readonly state: "active" | "cut" | "suspended";
  readonly roles: ReadonlySet<string>;
  readonly how: "enrol" | "token";
  readonly enrolledAtMs: number;
}

/** Somebody who had what it must not get any more. */
export interface Departure {
  /** Hex of the node's log; of an operator the key. */
  readonly id: string;
  readonly name: string;
  /**
   * - `mesh`: a machine was removed · `stores`: it keeps the secrets of others no more · `operators`: an operator's key
   *   was cut, and none of its logs is live
   */
  readonly from: "mesh" | "stores" | "operators";
  /** By the clock of the operator who signed it. */
  readonly atMs: number;
  /** True if somebody who knew these authority entries knew of it. */
  isKnownTo(tips: readonly string[]): boolean;
}

export interface Operator {
  readonly log: string;
  readonly key: string;
  readonly name: string;
  readonly rank: number;
  readonly rights: readonly string[];
  readonly state: "live" | "cut";
}

export interface Token {
  readonly id: string;
  /** Hex of the token entry. */
  readonly entry: string;
  /** Hex of what `tokenSecretHash` gives for its secret. */
  readonly secretHash: string;
  readonly name: string | null;
  readonly labels: readonly string[];
  readonly roles: readonly string[];
  /** Hex of the role log of the coordinator that alone can redeem it. */
  readonly issuer: string;
  /** When it was made, by its maker's clock. */
  readonly madeAtMs: number;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
  readonly redeemedBy: readonly string[];
}

export interface PathWinner {
  readonly value: Json;
  readonly hlc: Hlc;
  /** Hex of the writer's log. */
  readonly log: string;
  /** Hex of the entry's hash. */
  readonly entry: string;
}

export interface PathWrite extends Omit<PathWinner, "value"> {
  /** Undefined where it removed what stood there. */
  readonly value: Json | undefined;
  /** - `current`: it won · `lost`: nobody who wrote later knew it · `past`: a later write took its place */
  readonly standing: "current" | "lost" | "past";
}

export interface ConflictSide {
  readonly log: string;
  readonly hlc: Hlc;
  readonly value: Json | undefined;
}

export interface Conflict {
  readonly path: string;
  readonly winner: ConflictSide;
  readonly losers: readonly ConflictSide[];
}
