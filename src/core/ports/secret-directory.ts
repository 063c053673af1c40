import type { Generation } from "../delivery/generation.ts";
import { LabError } from "../errors.ts";
import type { Secret } from "../secret.ts";

/**
 * Where the programs of a machine find their secrets as files. What is visible is always one whole generation: a crash
 * at any moment leaves the old or the new one, and nothing that is half-written can be seen.
 */
export interface SecretDirectory {
  /** The generation that is visible; null if there is none. */
  current(): Promise<Generation | null>;
  /**
   * Puts `next` in the place of what is visible. `content` is asked once for every file that is not in `kept`, and for
   * one of these that cannot be taken over as it is; what it gave is wiped. Throws {@link DeliveryFailedError}, or what `content` throws; then everything is as it was.
   */
  replace(next: Generation, kept: ReadonlySet<string>, content: (name: string) => Promise<Secret>): Promise<void>;
  /** Takes away what an agent that was cut short left; for the start of one. */
  tidy(): Promise<void>;
  /** Nothing is owed any more to the units of the generation that is visible. */
  settle(): Promise<void>;
}

/** Files could not be put in place: no space, no permission, a directory that secrets must not be written to. */
export class DeliveryFailedError extends LabError {
  static readonly code = "DeliveryFailed";
  constructor(detail: string, hint: string, options?: ErrorOptions) {
    super(DeliveryFailedError.code, `secrets cannot be put in place: ${detail}`, { hint }, options);
  }
}
