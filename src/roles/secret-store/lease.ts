import { equalBytes, fromHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import {
  encodeChallenge,
  FRESHNESS_NONCE_BYTES,
  type FreshnessRole,
  freshnessChannel,
  freshnessSigners,
  readStatement,
} from "../../core/secrets/freshness.ts";
import type { Vouched } from "../../core/secrets/messages.ts";
import type { Node } from "../../core/view.ts";

/** How long a statement counts, from sending the challenge (`trust.md` §9). */
const LEASE_MS = 5 * 60_000;
/** A lease is renewed long before it ends, so that a short failure goes unnoticed. */
const RENEW_AFTER_MS = 2 * 60_000;
/** Without a lease, requests wait for a signer at most this often. */
const ASK_AGAIN_MS = 5000;
const ANSWER_TIMEOUT_MS = 3000;

/** Whether this node may take its view for up to date, by the word of others and its own monotonic clock. */
export class FreshnessLease {
  readonly #context: RoleContext;
  #sentMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(context: RoleContext) {
    this.#context = context;
  }

  get state(): Vouched {
    const alone = freshnessSigners(this.#context.view(), this.#context.self.id).length === 0;
    return alone || this.#ageMs < LEASE_MS ? "fresh" : "unvouched";
  }

  /** Asks all signers if the lease is due; resolves with the first that answers well, or when none does. */
  renew(): Promise<void> {
    if (this.#ageMs >= RENEW_AFTER_MS) {
      // Never inside the call itself: with nobody to ask it ends before it is noted.
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
    }
    return this.#asking ?? Promise.resolve();
  }

  /** Tries to get a lease where there is none. */
  async seek(): Promise<void> {
    if (this.state === "fresh") return;
    const nowMs = this.#context.clock.monotonic();
    if (this.#asking !== null || nowMs - this.#askedMs >= ASK_AGAIN_MS) await this.renew();
  }

  get #ageMs(): number {
    return this.#context.clock.monotonic() - this.#sentMs;
  }

  async #ask(): Promise<void> {
    this.#askedMs = this.#context.clock.monotonic();
    const signers = freshnessSigners(this.#context.view(), this.#context.self.id);
    try {
      if (signers.length > 0) await Promise.any(signers.map(({ node, role }) => this.#challenge(node, role)));
    } catch (error) {
      const causes = error instanceof AggregateError ? error.errors.map(String) : [String(error)];
      this.#context.log.write("debug", "freshness.unvouched", { causes });
    }
  }

  async #challenge(node: Node, role: FreshnessRole): Promise<void> {
    const { clock, keys, mesh, peers, random } = this.#context;
    const nonce = random.bytes(FRESHNESS_NONCE_BYTES);
    const sentMs = clock.monotonic();
    const body = encodeChallenge(nonce);
    const answer = await peers.request(node.key, freshnessChannel(role), body, ANSWER_TIMEOUT_MS);
    const theirs = readStatement(keys, mesh, nonce, fromHex(node.key) as Uint8Array, answer);
    if (theirs === null)
      throw new LabError("PeerFailed", "the statement is not signed by its sender", { peer: node.key });
    const ours = this.#context.heads();
    if (!equalBytes(theirs.authority, ours.authority) || !equalBytes(theirs.desired, ours.desired)) {
      await this.#context.catchUp(node.key);
    }
    // What was just learned may be that the signer's word counts no more.
    const isSigner = freshnessSigners(this.#context.view(), this.#context.self.id).some(
      ({ node: { id } }) => id === node.id,
    );
    if (isSigner) this.#sentMs = Math.max(this.#sentMs, sentMs);
  }
}
