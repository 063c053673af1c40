import { LabError } from "../core/errors.ts";
import type { PeerKey } from "../core/ports/link.ts";
import { NOT_A_MEMBER } from "./gate.ts";

/** Who has just joined is a stranger to others for a moment, until they have heard of it. */
const STRANGER_FOR_MS = 30_000;

interface Refusals {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Members that take this node for a stranger, by what they answer. They may hear it, and connect: they compare nothing. */
export class ShutDoors {
  readonly #refused = new Map<PeerKey, Refusals>();

  /** A round with this member failed at this time, for this reason. */
  failed(peer: PeerKey, reason: unknown, nowMs: number): void {
    if (!(reason instanceof LabError) || reason.message !== NOT_A_MEMBER) return;
    this.#refused.set(peer, { firstMs: this.#refused.get(peer)?.firstMs ?? nowMs, lastMs: nowMs });
  }

  opened(peer: PeerKey): void {
    this.#refused.delete(peer);
  }

  /** Those that have said so for longer than a newcomer hears it. */
  get all(): readonly PeerKey[] {
    return [...this.#refused]
      .filter(([, { firstMs, lastMs }]) => lastMs - firstMs >= STRANGER_FOR_MS)
      .map(([peer]) => peer);
  }
}
