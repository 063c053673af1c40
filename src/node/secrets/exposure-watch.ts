import { decodeAudit, type TimedAuditRecord } from "../../core/audit.ts";
import type { Exposure } from "../../core/exposure/exposure.ts";
import { exposuresOf } from "../../core/exposure/exposures.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import { GENERATORS } from "../../core/rotation/generator.ts";
import { type GrantLog, READ_ACTION } from "../../core/secrets/grant-log.ts";
import type { View } from "../../core/view.ts";
import { CLASS_AUDIT, type Entry, isChain, isLedgerClass } from "../../crdt/entry/entry.ts";

/** What comes together is looked at together. */
const LOOK_AFTER_MS = 100;
/** Long logs take long: looking takes at most a twentieth of the time. */
const REST_PER_LOOK = 20;

export interface ExposureWatchParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly view: () => View;
  readonly grants: () => Promise<GrantLog>;
  /** Something is exposed that was not, or is not any more. */
  readonly changed: () => void;
}

/** What those have who left, kept up to date while anybody has left: roles and alarms read it at any time. */
export class ExposureWatch {
  readonly #parts: ExposureWatchParts;
  #current: readonly Exposure[] = [];
  #timer: Timer | null = null;
  #restMs = 0;
  #life: "running" | "stopped" = "running";

  constructor(parts: ExposureWatchParts) {
    this.#parts = parts;
  }

  get current(): readonly Exposure[] {
    return this.#current;
  }

  /** Entries came: looks anew if they could matter. */
  grew(entries: readonly Entry[], authority: boolean): void {
    const departed = new Set(
      this.#parts
        .view()
        .departures()
        .flatMap(({ id, name }) => [id, name]),
    );
    if (departed.size === 0 && this.#current.length === 0) return;
    if (authority || entries.some((entry) => isChain(entry) && couldMatter(entry, departed))) this.request();
  }

  request(): void {
    if (this.#life === "stopped") return;
    this.#timer ??= this.#parts.clock.after(Math.max(LOOK_AFTER_MS, this.#restMs), () => {
      this.#timer = null;
      void this.#look();
    });
  }

  stop(): void {
    this.#life = "stopped";
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock, grants, log, view, changed } = this.#parts;
    const begunMs = clock.monotonic();
    try {
      const exposures = await exposuresNow(view, grants, clock.now());
      if (this.#life === "stopped") return;
      const isSame = namesOf(exposures) === namesOf(this.#current);
      this.#current = exposures;
      if (!isSame) changed();
    } catch (error) {
      log.write("error", "exposures.unknown", { error });
    } finally {
      this.#restMs = REST_PER_LOOK * (clock.monotonic() - begunMs);
    }
  }
}

/** As of now, where nobody watches. */
export async function exposuresNow(
  view: () => View,
  grants: () => Promise<GrantLog>,
  nowMs: number,
): Promise<readonly Exposure[]> {
  if (view().departures().length === 0) return [];
  const { grants: given } = await grants();
  return exposuresOf(view(), given, new Set(GENERATORS.keys()), nowMs);
}

/** Of the audit only what was given to somebody who has left; of ledgers everything. */
function couldMatter(
  { header, payload }: Entry & { header: { class: number } },
  departed: ReadonlySet<string>,
): boolean {
  if (isLedgerClass(header.class)) return true;
  if (header.class !== CLASS_AUDIT) return false;
  const { action, actor, facts = {} }: TimedAuditRecord = decodeAudit(payload);
  if (action !== READ_ACTION) return false;
  const { node, operator } = facts;
  const ids = [node, operator, actor.replace(/^node:/, "")];
  return ids.some((id) => typeof id === "string" && departed.has(id));
}

function namesOf(exposures: readonly Exposure[]): string {
  return exposures
    .map(({ path, version, type, holders }) => [path, version, type, ...holders.map(({ id }) => id)].join())
    .join(";");
}
