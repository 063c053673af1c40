import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { Role, RoleContext, RoleDefinition } from "../core/ports/role.ts";
import type { RoleReport } from "../core/report.ts";

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MOST_MS = 60_000;
/** What a role has left behind and must be kept for now is looked at again so often. */
const CLEAR_AGAIN_MS = 60_000;

interface Running {
  readonly role: Role;
  readonly close: () => void;
  phase: "created" | "started";
  failures: number;
  retry: Timer | null;
  detail: string;
}

/**
 * What a role has left on this disk: nothing · something that is to be kept for now. `asMember` is what the machine was
 * when it was looked at.
 */
type Remains =
  | { readonly state: "clear" }
  | { readonly state: "kept"; readonly asMember: boolean; readonly again: Timer };

export interface RoleHost {
  /** Builds what the role may do; `close` takes its handlers away again. */
  context(definition: RoleDefinition): { readonly context: RoleContext; readonly close: () => void };
  /** The labels that this node has now. */
  wanted(): ReadonlySet<string>;
  /** False once this machine was removed from the mesh. */
  isMember(): boolean;
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
  /** By label, where it was looked at. */
  readonly #remains = new Map<string, Remains>();
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
    const concerns = (definition: RoleDefinition) => wanted.has(definition.name) || this.#mayClear(definition);
    if (this.#running.size > 0 || this.#definitions.some(concerns)) this.request();
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
    for (const label of [...this.#remains.keys()]) this.#forgetRemains(label);
    for (const label of [...this.#running.keys()].reverse()) await this.#stop(label);
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
      await this.#stop(label);
    }
    for (const definition of this.#definitions) {
      if (this.#life === "closed") return;
      if (wanted.has(definition.name)) await this.#reconcile(definition);
      else if (this.#mayClear(definition)) await this.#clear(definition);
    }
  }

  #mayClear(definition: RoleDefinition): boolean {
    const remains = this.#remains.get(definition.name);
    if (definition.clear === undefined || remains?.state === "clear") return false;
    return remains === undefined || remains.asMember !== this.#host.isMember();
  }

  async #clear(definition: RoleDefinition): Promise<void> {
    const { name } = definition;
    const asMember = this.#host.isMember();
    const { context, close } = this.#host.context(definition);
    let outcome: "clear" | "kept" | undefined = "kept";
    try {
      outcome = await definition.clear?.(context);
    } catch (error) {
      this.#log.write("error", "role.not-cleared", { role: name, error });
    } finally {
      close();
    }
    this.#forgetRemains(name);
    if (outcome !== "kept") this.#remains.set(name, { state: "clear" });
    else if (this.#life === "open") {
      const again = this.#clock.after(CLEAR_AGAIN_MS, () => {
        this.#remains.delete(name);
        this.request();
      });
      this.#remains.set(name, { state: "kept", asMember, again });
    }
  }

  /** They are looked at again. */
  #forgetRemains(label: string): void {
    const remains = this.#remains.get(label);
    if (remains?.state === "kept") remains.again.cancel();
    this.#remains.delete(label);
  }

  async #reconcile(definition: RoleDefinition): Promise<void> {
    let running = this.#running.get(definition.name);
    try {
      if (running === undefined) {
        this.#forgetRemains(definition.name);
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

  async #stop(label: string): Promise<void> {
    const running = this.#running.get(label);
    if (running === undefined) return;
    this.#running.delete(label);
    running.retry?.cancel();
    try {
      await running.role.stop();
    } catch (error) {
      this.#log.write("warn", "role.stop-failed", { role: label, error });
    }
    running.close();
    this.#log.write("info", "role.stopped", { role: label });
    this.#host.changed();
  }
}
