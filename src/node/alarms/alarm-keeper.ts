import { type AlarmClaims, MOST_PROGRAMS, NO_CLAIMS } from "../../core/alarms/claims.ts";
import { type Finding, findingKey } from "../../core/alarms/findings.ts";
import { Held } from "../../core/alarms/held.ts";
import { noticeOf } from "../../core/alarms/notice.ts";
import { tended, withDelivery, withIncident } from "../../core/alarms/own-claims.ts";
import {
  type Alarm,
  type AlarmGround,
  type AlarmTask,
  alarmsOf,
  canDeliver,
  tasksOf,
  turnOf,
} from "../../core/alarms/plan.ts";
import { secretsOf } from "../../core/model/alarm-route.ts";
import { alarmRoutesOf } from "../../core/model/fleet-reader.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Notifier } from "../../core/ports/notifier.ts";
import type { Secret } from "../../core/secret.ts";
import type { Targeting } from "../../core/targeting/targeting.ts";
import { CrewWatch } from "./crew.ts";
import type { FactSource } from "./fact-source.ts";
import { ownComplaints } from "./facts.ts";
import { FindingsWatch } from "./findings-watch.ts";
import { alarmGround } from "./ground.ts";
import { OthersWatch } from "./others.ts";
import { isSameLook, isSettled, type Looked } from "./settled.ts";

/** How often it looks, if nothing happens. */
const LOOK_MS = 5_000;
/** After something has: what comes together is looked at together. */
const LOOK_SOON_MS = 500;
const PROGRAMS_EVERY_MS = 15_000;

export interface AlarmKeeperParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly keys: Pick<Keys, "hash">;
  readonly notifier: Notifier;
  readonly source: FactSource;
  readonly targeting: () => Targeting;
  /** A secret of this node, for whoever delivers. */
  readonly secret: (path: string) => Promise<Secret>;
  /** What this node says about alarms is not what it said. */
  claimsChanged(): void;
  changed(change: AlarmChange): void;
}

/** For whoever watches. */
export interface AlarmChange {
  readonly state: "raised" | "resolved";
  readonly alarm: Pick<Alarm, "id" | "kind" | "about" | "detail">;
}

/**
 * Looks what is wrong, raises what is wrong for long enough, and tells people when it is this node's turn. What it did
 * stands in the node's record, so that whoever looks next, here or elsewhere, goes on from there: told at least once,
 * and by the turns once in every part of the mesh that hangs together.
 */
export class AlarmKeeper {
  readonly #parts: AlarmKeeperParts;
  readonly #held = new Held();
  readonly #due = new Held();
  /** By the key of a task, the turn in which this node acted. */
  readonly #acted = new Map<string, number>();
  /** By route, why the last attempt from here failed. */
  readonly #failed = new Map<string, string>();
  #own: AlarmClaims | null = null;
  /** As last looked up; null before that. */
  #programs: readonly string[] | null = null;
  #programsMs = Number.NEGATIVE_INFINITY;
  #shown: ReadonlyMap<string, Alarm> = new Map();
  #timer: Timer | null = null;
  #nextMs = 0;
  readonly #others = new OthersWatch();
  readonly #wrong = new FindingsWatch();
  readonly #crew = new CrewWatch();
  /** The last look, if the next one that is made of the same has nothing to add. */
  #settled: Looked | null = null;
  #life: "new" | "running" | "stopped" = "new";

  constructor(parts: AlarmKeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#life = "running";
    // Before the first report: a fleet that starts all at once would have two of each machine.
    this.#lookForPrograms();
    this.#lookIn(LOOK_SOON_MS);
  }

  stop(): void {
    this.#life = "stopped";
    this.#timer?.cancel();
  }

  /** Something may have changed: looks soon. */
  request(): void {
    if (this.#life === "running") this.#lookIn(LOOK_SOON_MS);
  }

  /** What this node says about alarms, for its record. */
  claims(): AlarmClaims {
    const claims = this.#claims();
    // Until they were looked up, those of the last run: a start alone is no news.
    const programs = this.#programs ?? claims.programs;
    return { ...claims, complaints: ownComplaints(this.#parts.source), programs };
  }

  alarms(): readonly Alarm[] {
    return alarmsOf(this.#ground());
  }

  /** Routes by which nobody can be told, and why. */
  warnings(): readonly string[] {
    const ground = this.#ground();
    return ground.routes.flatMap((route) => {
      const able = ground.members.filter((member) => member.state === "reachable" && canDeliver(ground, route, member));
      const failed = this.#failed.get(route.name);
      if (route.channel !== null && able.length === 0) {
        return [`no machine that can be reached can deliver by alarm-route ${route.name}: lab explain alarm-route`];
      }
      return failed === undefined ? [] : [`alarm-route ${route.name} failed from here: ${failed}`];
    });
  }

  #claims(): AlarmClaims {
    const { source } = this.#parts;
    this.#own ??= source.directory.report(source.self.id)?.alarms ?? null;
    return this.#own ?? NO_CLAIMS;
  }

  #lookIn(delayMs: number): void {
    const { clock } = this.#parts;
    const atMs = clock.monotonic() + delayMs;
    if (this.#timer !== null && this.#nextMs <= atMs) return;
    this.#timer?.cancel();
    this.#nextMs = atMs;
    this.#timer = clock.after(delayMs, () => {
      this.#timer = null;
      this.#look();
      if (this.#life === "running") this.#lookIn(LOOK_MS);
    });
  }

  #look(): void {
    const { clock, source } = this.#parts;
    const nowMs = clock.monotonic();
    if (nowMs - this.#programsMs >= PROGRAMS_EVERY_MS) this.#lookForPrograms();
    const findings = this.#findings();
    if (this.#settled !== null && isSameLook(this.#settled, this.#looked(findings)) && !this.#hasRoutes()) return;
    this.#settled = null;
    this.#held.update(findings.map(findingKey), nowMs);
    if (findings.length === 0 && this.#hasNoHistory()) {
      this.#due.update([], nowMs);
      this.#acted.clear();
      return;
    }
    const ground = this.#ground(findings);
    const before = this.#claims();
    this.#replace(tended(this.#claims(), ground.incidents, ground.nowMs));
    const tasks = tasksOf(ground);
    const due = new Set(tasks.map(({ key }) => key));
    this.#due.update(due, nowMs);
    for (const key of this.#acted.keys()) if (!due.has(key)) this.#acted.delete(key);
    for (const task of tasks) {
      const turn = turnOf(task, source.self.id, this.#due.forMs(task.key, nowMs));
      if (turn === null || this.#acted.get(task.key) === turn.number) continue;
      this.#acted.set(task.key, turn.number);
      this.#act(task);
    }
    this.#show(alarmsOf(this.#claims() === before ? ground : this.#ground(findings)));
    const looked = this.#looked(findings);
    if (looked.own === before && isSettled(ground, tasks, looked)) this.#settled = looked;
  }

  #looked(findings: readonly Finding[]): Looked {
    const others = this.#others.look(this.#parts.source);
    return { findings, others, own: this.#claims(), programs: this.#programs };
  }

  #hasRoutes(): boolean {
    return alarmRoutesOf(this.#parts.source.replica.view()).length > 0;
  }

  /** Nobody says that anything is or was wrong: then nothing follows from routes, members or time. */
  #hasNoHistory(): boolean {
    const { incidents, deliveries } = this.#claims();
    if (this.#shown.size + incidents.length + deliveries.length > 0) return false;
    return !this.#others.look(this.#parts.source).tellOfAlarms;
  }

  #findings(): readonly Finding[] {
    const { source } = this.#parts;
    return this.#wrong.look(source, this.#others.look(source));
  }

  #act(task: AlarmTask): void {
    const { log } = this.#parts;
    switch (task.do) {
      case "open":
      case "close": {
        const { id, kind, about } = task.claim;
        log.write("info", task.do === "open" ? "alarm.raised" : "alarm.resolved", { alarm: id, kind, about });
        this.#replace(withIncident(this.#claims(), task.claim));
        this.request();
        break;
      }
      case "deliver":
        void this.#deliver(task);
        break;
    }
  }

  async #deliver({ route, told, claim }: AlarmTask & { do: "deliver" }): Promise<void> {
    const { clock, log, notifier, source, secret } = this.#parts;
    if (route.channel === null) return;
    const facts = { alarm: claim.id, about: claim.about, route: route.name, told };
    const { meshName, nodes } = source.replica.view();
    const from = nodes.get(source.self.id)?.name ?? "";
    const notice = noticeOf({ mesh: meshName, from, route: route.name, told, claim, nowMs: clock.now() });
    let key: Secret | null = null;
    try {
      const [path] = secretsOf(route);
      key = path === undefined ? null : await secret(path);
      await notifier.send(route.channel, notice, key);
    } catch (error) {
      this.#failed.set(route.name, error instanceof Error ? error.message : String(error));
      log.write("warn", "alarm.not-delivered", { ...facts, error });
      return;
    } finally {
      key?.wipe();
    }
    if (this.#life !== "running") return;
    this.#failed.delete(route.name);
    log.write("info", "alarm.delivered", facts);
    const { id, sinceMs } = claim;
    this.#replace(withDelivery(this.#claims(), { id, route: route.name, told, sinceMs, atMs: clock.now() }));
    this.request();
  }

  #lookForPrograms(): void {
    this.#programsMs = this.#parts.clock.monotonic();
    void this.#readPrograms();
  }

  async #readPrograms(): Promise<void> {
    try {
      const programs = [...(await this.#parts.notifier.programs())].sort().slice(0, MOST_PROGRAMS);
      if (programs.join("/") === this.#programs?.join("/") || this.#life !== "running") return;
      this.#programs = programs;
      this.#parts.claimsChanged();
    } catch (error) {
      this.#parts.log.write("warn", "alarm.programs-unreadable", { error });
    }
  }

  #replace(claims: Pick<AlarmClaims, "incidents" | "deliveries">): void {
    const before = this.#claims();
    if (claims.incidents === before.incidents && claims.deliveries === before.deliveries) return;
    this.#own = { ...before, ...claims };
    this.#parts.claimsChanged();
  }

  #show(alarms: readonly Alarm[]): void {
    const raised = alarms.filter(({ raisedBy }) => raisedBy !== null);
    const shown = new Map(raised.map((alarm) => [alarm.id, alarm]));
    const before = this.#shown;
    this.#shown = shown;
    for (const [id, alarm] of shown) if (!before.has(id)) this.#parts.changed({ state: "raised", alarm });
    for (const [id, alarm] of before) if (!shown.has(id)) this.#parts.changed({ state: "resolved", alarm });
  }

  #ground(findings: readonly Finding[] = this.#findings()): AlarmGround {
    const { clock, keys, source, targeting } = this.#parts;
    const nowMs = clock.monotonic();
    return alarmGround({
      source,
      targeting,
      findings,
      hash: (bytes) => keys.hash(bytes),
      nowMs: clock.now(),
      crew: this.#crew.look(source, this.#others.look(source), this.claims()),
      heldMs: (finding) => this.#held.forMs(findingKey(finding), nowMs),
    });
  }
}
