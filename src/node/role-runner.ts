import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { Role, RoleContext, RoleDefinition } from "../core/ports/role.ts";
import type { RoleReport } from "../core/report.ts";

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MOST_MS = 60_000;

interface Running {
  readonly role: Role;
  readonly close: () => void;
  phase: "created" | "started";
  failures: number;
  retry: Timer | null;
  detail: string;
}

export interface RoleHost {
  /** Builds what the role may do; `close` takes its handlers away again. */
  context(definition: RoleDefinition): { readonly context: RoleContext; readonly close: () => void };
  /** The labels that this node has now. */
  wanted(): ReadonlySet<string>;
  changed(): void;
}

/**
 * Starts and stops roles as labels come and go, and reconciles the running ones: level-triggered, one pass at a time,
 * never inside the callback that asked for it.
 */
export class RoleRunner {
  readonly #definitions: readonly RoleDefinition[];
  readonly #host: RoleHost;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();
  #pass: "idle" | "asked" | "busy" | "again" = "idle";
  #life: "open" | "closed" = "open";
  #idle: Promise<void> = Promise.resolve();

  constructor(definitions: readonly RoleDefinition[], host: RoleHost, clock: Clock, log: Log) {
    this.#definitions = definitions;
    this.#host = host;
    this.#clock = clock;
    this.#log = log;
  }

  reports(): RoleReport[] {
    return [...this.#running].map(([label, { failures, detail }]) => ({
      label,
      state: failures === 0 ? "running" : "failing",
      detail,
    }));
  }

  /** Asks for a pass if there is anything that could look at the view: most nodes have no role. */
  viewChanged(): void {
    const wanted = this.#host.wanted();
    if (this.#running.size > 0 || this.#definitions.some(({ name }) => wanted.has(name))) this.request();
  }

  request(): void {
    if (this.#life === "closed") return;
    if (this.#pass === "busy") this.#pass = "again";
    if (this.#pass !== "idle") return;
    this.#pass = "asked";
    this.#clock.after(0, () => {
      this.#idle = this.#run();
    });
  }

  async stop(): Promise<void> {
    this.#life = "closed";
    await this.#idle;
    for (const label of [...this.#running.keys()].reverse()) await this.#stop(label, "agent-stops");
  }

  async #run(): Promise<void> {
    do {
      this.#pass = "busy";
      await this.#once();
    } while ((this.#pass as string) === "again" && this.#life === "open");
    this.#pass = "idle";
  }

  async #once(): Promise<void> {
    const wanted = this.#host.wanted();
    for (const label of [...this.#running.keys()].filter((running) => !wanted.has(running)).reverse()) {
      await this.#stop(label, "label-removed");
    }
    for (const definition of this.#definitions) {
      if (this.#life === "closed") return;
      if (wanted.has(definition.name)) await this.#reconcile(definition);
    }
  }

  async #reconcile(definition: RoleDefinition): Promise<void> {
    let running = this.#running.get(definition.name);
    try {
      if (running === undefined) {
        const { context, close } = this.#host.context(definition);
        running = { role: definition.create(context), close, phase: "created", failures: 0, retry: null, detail: "" };
        this.#running.set(definition.name, running);
      }
      if (running.retry !== null) return;
      if (running.phase === "created") {
        await running.role.start();
        running.phase = "started";
        this.#log.write("info", "role.started", { role: definition.name });
        this.#host.changed();
      }
      await running.role.reconcile();
      if (running.failures > 0) this.#host.changed();
      running.failures = 0;
      running.detail = "";
    } catch (error) {
      if (running !== undefined) this.#backOff(definition.name, running, error);
      else this.#log.write("error", "role.not-created", { role: definition.name, error });
    }
  }

  #backOff(label: string, running: Running, error: unknown): void {
    const delayMs = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** running.failures);
    running.failures++;
    running.detail = error instanceof Error ? error.message : String(error);
    running.retry = this.#clock.after(delayMs, () => {
      running.retry = null;
      this.request();
    });
    this.#log.write("warn", "role.failing", { role: label, error, retryMs: delayMs });
    this.#host.changed();
  }

  async #stop(label: string, reason: "label-removed" | "agent-stops"): Promise<void> {
    const running = this.#running.get(label);
    if (running === undefined) return;
    this.#running.delete(label);
    running.retry?.cancel();
    try {
      await running.role.stop(reason);
    } catch (error) {
      this.#log.write("warn", "role.stop-failed", { role: label, error });
    }
    running.close();
    this.#log.write("info", "role.stopped", { role: label, reason });
    this.#host.changed();
  }
}
