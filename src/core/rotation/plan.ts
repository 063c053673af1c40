import type { Exposure } from "../exposure/exposure.ts";
import { readSecretDeclaration, type SecretDeclaration } from "../model/secret-declaration.ts";
import { secretPath, secretRotationPath } from "../paths.ts";
import { generatorOf } from "../policy/generated.ts";
import { type Hash, rendezvous } from "../rendezvous.ts";
import { compareHlc } from "../hlc.ts";
import { type CurrentVersion, currentVersion } from "../secrets/version.ts";
import { turnAt } from "../turns.ts";
import type { PathWinner, View } from "../view.ts";

/**
 * - `unset`: there is no value yet · `asked`: an operator asked for a new one · `age`: the old one has lived long enough
 * - `exposed`: somebody has the old one who must not have it any more
 */
export type RotationReason = "unset" | "asked" | "age" | "exposed";

/** A value that is to be made. */
export interface Rotation {
  readonly declaration: SecretDeclaration;
  readonly generator: string;
  readonly reason: RotationReason;
  readonly dueMs: number;
  readonly replaces: CurrentVersion | null;
}

export interface StoreInSight {
  /** Hex of the node's log. */
  readonly id: string;
  readonly state: "reachable" | "unreachable";
}

/** All that rotations follow from, as one store knows it. */
export interface RotationGround {
  readonly view: View;
  readonly nowMs: number;
  /** Id of the store that looks. */
  readonly self: string;
  readonly hash: Hash;
  /** The one that looks among them, and reachable. */
  readonly stores: readonly StoreInSight[];
  /** Names of the generators that this release has. */
  readonly generators: ReadonlySet<string>;
  readonly exposures: readonly Pick<Exposure, "path" | "version" | "sinceMs">[];
}

/** Stores that come before in line and are not seen: each is given a moment to have been first. */
const GRACE_MS = 2_000;
const MOST_GRACES = 3;
/** A turn is not begun at its very end: what is made then might meet what the next one in line makes. */
const TURN_END_MS = 5_000;

type Known = Omit<RotationGround, "self" | "stores" | "hash">;

/** What is due now, whoever makes it, ascending by path. Never earlier than due, by the clock of whoever looks. */
export function dueRotations(ground: Known): readonly Rotation[] {
  return rotations(ground).filter((due) => due.dueMs <= ground.nowMs);
}

/** When something is due next that is not due yet; null if nothing will be. */
export function nextDueMs(ground: Known): number | null {
  const later = rotations(ground).filter((due) => due.dueMs > ground.nowMs);
  return later.length === 0 ? null : Math.min(...later.map(({ dueMs }) => dueMs));
}

function rotations(ground: Known): readonly Rotation[] {
  const { view, generators } = ground;
  const exposures = new Map(ground.exposures.map((exposure) => [exposure.path, exposure]));
  const prefix = secretPath("");
  return view.desiredUnder(prefix).flatMap(([at, declared]) => {
    const generator = generatorOf(declared.value);
    if (generator === null || !generators.has(generator)) return [];
    const path = at.slice(prefix.length);
    const declaration = readSecretDeclaration(path, declared.value, []);
    // A value for each machine, or one that stores cannot read, is nothing that a store could make once for all.
    if (declaration.perMachine || declaration.class !== "store") return [];
    const due = dueOf(view, declaration, declared, exposures.get(path));
    return due === null ? [] : [{ declaration, generator, ...due }];
  });
}

/** What this store has to make now: of all that is due, that for which it is its turn. */
export function ownRotations(ground: RotationGround): readonly Rotation[] {
  return dueRotations(ground).filter((rotation) => isOwnTurn(ground, rotation));
}

type Due = Pick<Rotation, "reason" | "dueMs" | "replaces">;

function dueOf(
  view: View,
  { path, rotateEverySeconds }: SecretDeclaration,
  declared: PathWinner,
  exposure: RotationGround["exposures"][number] | undefined,
): Due | null {
  const replaces = currentVersion(view, path) ?? null;
  if (replaces === null) return { reason: "unset", dueMs: declared.hlc.ms, replaces };
  const asked = view.desired(secretRotationPath(path));
  // By cause: a store that makes a value knows what it was asked, and its clock goes on from there.
  if (asked !== undefined && compareHlc(asked.hlc, replaces.hlc) > 0) {
    return { reason: "asked", dueMs: asked.hlc.ms, replaces };
  }
  if (exposure?.version === replaces.version) return { reason: "exposed", dueMs: exposure.sinceMs, replaces };
  if (rotateEverySeconds === null) return null;
  return { reason: "age", dueMs: replaces.metadata.atMs + rotateEverySeconds * 1000, replaces };
}

/**
 * Rendezvous hashing puts the stores in line, another one for each path. The first acts at once, each of the others
 * waits for a turn: so one of them makes the value on each side of a cut, and the fold keeps one of two.
 */
function isOwnTurn({ nowMs, self, hash, stores }: RotationGround, { declaration, dueMs }: Rotation): boolean {
  const states = new Map(stores.map(({ id, state }) => [id, state]));
  const order = rendezvous(hash, `rotate ${declaration.path}`, [...states.keys()]);
  const line = order.filter((id) => states.get(id) === "reachable");
  const missed = order.slice(0, order.indexOf(self)).filter((id) => states.get(id) !== "reachable").length;
  const waitedMs = nowMs - dueMs - GRACE_MS * Math.min(MOST_GRACES, missed);
  if (waitedMs < 0 || !line.includes(self)) return false;
  if (line.length === 1) return true;
  const turn = turnAt(waitedMs, line.length);
  return line[turn.place] === self && turn.leftMs > TURN_END_MS;
}
