import type { Complaint } from "../../core/alarms/findings.ts";
import type { Timer } from "../../core/ports/clock.ts";
import type { Agent } from "../agent.ts";
import { findFlaws } from "../handlers/audit-verify.ts";
import { agentSource } from "../handlers/index.ts";

/** When the agent has caught up, and nobody waits for it. */
const AFTER_MS = 120_000;
const NAMED = 3;

/**
 * Checks every signature once, in the background, of a store that was put together from what was left of it: at a start
 * only checksums are looked at, and nobody has checked what a snapshot gave back since it was written.
 */
export class StoreCheck {
  readonly #agent: Agent;
  #complaint: Complaint | null = null;
  #timer: Timer | null = null;
  #checking: Promise<void> = Promise.resolve();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** Null until something is found. */
  get complaint(): Complaint | null {
    return this.#complaint;
  }

  start(): void {
    const { clock, log } = this.#agent.platform;
    this.#timer = clock.after(AFTER_MS, () => {
      this.#checking = this.#check().catch((error: unknown) => log.write("error", "store.unchecked", { error }));
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#checking;
  }

  async #check(): Promise<void> {
    const agent = this.#agent;
    const { flaws } = await findFlaws(agentSource(agent), [], agent.mayBeginBeforeMs);
    const named = flaws.slice(0, NAMED).map(({ author, seq, detail }) => `entry ${seq} of ${author} ${detail}`);
    const more = flaws.length > NAMED ? `, and ${flaws.length - NAMED} more` : "";
    const reason = flaws.length === 0 ? "every signature is good" : `${named.join(", ")}${more}`;
    if (flaws.length > 0) {
      this.#complaint = { kind: "store-damaged", subject: "signatures", detail: `${reason}: lab audit verify` };
    }
    const decision = flaws.length === 0 ? "allowed" : "denied";
    await agent.audit({ actor: "local", action: "store.verify", object: "store", decision, reason });
  }
}
