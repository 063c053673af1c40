import type { Secret } from "../secret.ts";
import type { Envelope } from "../secrets/envelope.ts";
import type { HeldVersion } from "../secrets/messages.ts";
import type { SealIdentity } from "./keys.ts";

/**
 * A place where a secret store keeps versions of secrets. What lies there is sealed to whom the policy of the place names
 * and to nobody else: whoever gets at it around the store opens nothing without such a key.
 */
export interface SecretBackend {
  /** For people: which kind of place, and where. */
  readonly name: string;
  /** Before anything else. How many of the things there were damaged, which are as if they had never been. */
  load(): Promise<number>;
  has(held: HeldVersion): boolean;
  /** All versions, or those of one path, ascending by path and version. */
  list(path?: string): HeldVersion[];
  /**
   * Keeps a version; whole and durable when it resolves. If it throws, what was there before is there still. Of more
   * versions of a path than the place keeps, those go that stand last in `order`, and before them those that do not stand there.
   */
  put(envelope: Envelope, order: readonly string[]): Promise<void>;
  /**
   * The value, for whoever has this key: null where it is not sealed to it, as where there is none. Throws
   * {@link SealBrokenError} if it was altered.
   */
  get(held: HeldVersion, key: SealIdentity): Promise<Secret | null>;
  /** What is sealed to others than those whom the policy names now. */
  sealedOtherwise(): HeldVersion[];
  /** Seals to exactly these. What the store cannot open stays as it is, and what is damaged is there no more. */
  reseal(held: HeldVersion): Promise<void>;
  /** What is not there is not missed. */
  drop(held: HeldVersion): Promise<void>;
  /** Drops everything; what is under way keeps nothing any more, and fails. */
  forget(): Promise<void>;
}
