import { entitledPaths } from "../../src/core/policy/entitlement.ts";
import type { World } from "../world.ts";
import { type DeliverySite, NOBODY_UID, OWNER, TEMPLATE } from "./site.ts";

/** From the moment in which a machine knows that it is entitled no more. */
const GONE_WITHIN_MS = 1_000;
/** From a new content, or from the start of an agent after one that died, to the unit's hearing of it. */
const TOLD_WITHIN_MS = 3_000;

export const PATHS = ["web/tls", "web/key"] as const;
/** Declared at both secrets. */
const UNIT = "web.service";

/** Watches what programs see on every machine, whenever that changes and whenever it is asked. */
export class Watch {
  readonly #world: World;
  /** Since when a machine knows that it may not have a path, by both. */
  readonly #ended = new Map<string, number>();
  /** What a machine's programs saw last, since its boot. */
  readonly #seen = new Map<DeliverySite, ReadonlyMap<string, string>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** At any moment: one generation, whole, of values that the machine is entitled to. */
  look(site: DeliverySite): void {
    const { visible } = site.directory;
    const { name } = site.machine;
    if (visible === null) {
      this.#seen.delete(site);
      site.changed.clear();
      return;
    }
    const { contents, generation } = visible;
    for (const file of generation.files) {
      const content = contents.get(file.name);
      const expected = file.name === TEMPLATE ? this.#rendered(contents) : this.#world.history.values.get(file.version);
      if (content !== expected) {
        this.#violated(`${name} shows ${file.name} with a content that is none of this generation's`);
      }
      if (file.name !== TEMPLATE && (file.access.mode & 0o077) !== 0)
        this.#violated(`${name} opens ${file.name} to all`);
    }
    this.#noteChanges(site, contents);
    this.#checkEntitled(site, contents);
  }

  /** Every unit has heard of what is new, or will at once. */
  checkTold(site: DeliverySite): void {
    const forMs = (atMs: number) => this.#world.clock.monotonic() - Math.max(atMs, site.machine.sinceMs);
    for (const [unit, atMs] of site.changed) {
      if (site.machine.isDown || forMs(atMs) < TOLD_WITHIN_MS || (site.told.get(unit) ?? 0) >= atMs) continue;
      this.#violated(`${unit} on ${site.machine.name} was not told of what changed at ${atMs / 1000} s`);
    }
  }

  /** What accounts get that ask: what is declared to be theirs, and nothing else. */
  checkAnswers(site: DeliverySite): void {
    const { name } = site.machine;
    for (const path of PATHS) {
      const [owner, nobody] = [site.ask(OWNER.uid, path), site.ask(NOBODY_UID, path)];
      if (nobody !== null) this.#violated(`an account of ${name} that owns nothing was given ${path}`);
      if (owner !== null && path !== "web/tls") this.#violated(`${OWNER.name} on ${name} was given ${path}`);
      if (owner !== null) this.#world.reached("a program asked for its own secret and got it");
    }
  }

  #checkEntitled(site: DeliverySite, contents: ReadonlyMap<string, string>): void {
    const { agent, id, name } = site.machine;
    const nowMs = this.#world.clock.monotonic();
    for (const path of PATHS) {
      const key = `${id} ${path}`;
      if (contents.has(path) && !this.#world.history.everLabelled(id, "web")) {
        this.#violated(`${name} shows ${path} and never had a label that opens it`);
      }
      // An agent that does not run cannot know.
      const isOver = agent !== null && !entitledPaths(agent.view(), id).includes(path);
      if (!isOver) this.#ended.delete(key);
      else if (!this.#ended.has(key)) this.#ended.set(key, nowMs);
      const sinceMs = this.#ended.get(key);
      if (sinceMs === undefined || nowMs - sinceMs < GONE_WITHIN_MS) continue;
      if (contents.has(path)) this.#violated(`${name} still shows ${path}, which it may have no longer`);
      if (contents.has(TEMPLATE))
        this.#violated(`${name} still shows ${TEMPLATE}, made from what it may have no longer`);
    }
  }

  /** Its first files after a boot are no change. */
  #noteChanges(site: DeliverySite, contents: ReadonlyMap<string, string>): void {
    const before = this.#seen.get(site);
    this.#seen.set(site, contents);
    if (before === undefined) return;
    for (const [name, content] of contents) {
      if (before.get(name) === content) continue;
      site.changed.set(name === TEMPLATE ? "app.service" : UNIT, this.#world.clock.monotonic());
    }
  }

  #rendered(contents: ReadonlyMap<string, string>): string {
    return `key=${contents.get("web/key")}\ntls=${contents.get("web/tls")}\n`;
  }

  #violated(detail: string): void {
    this.#world.violated("delivery", detail);
  }
}
