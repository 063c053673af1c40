import { toHex } from "../../src/core/bytes.ts";
import { decodeAudit } from "../../src/core/audit.ts";
import { entitledPaths } from "../../src/core/policy/entitlement.ts";
import { secretVersionPath } from "../../src/core/paths.ts";
import { readGrants } from "../../src/core/secrets/grant-log.ts";
import { SealBrokenError } from "../../src/core/errors.ts";
import { CLASS_AUDIT, type Entry } from "../../src/crdt/entry/entry.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import type { SimFileTree } from "./tree.ts";

/** From the moment in which the store knows that a machine may not read a path to the first file that keeps to it. */
const KNOWN_MS = 1_000;
/** Records that are durable, and are signed once the machine is sure of the end of its log. */
const UNSIGNED = "own/pending-audit/";

/** One file as the store wrote it, and what was known in that moment. */
interface Written {
  readonly path: string;
  readonly content: Uint8Array;
  /** Ids of machines of which the store knew for a while that they may not read the path. */
  readonly barred: ReadonlySet<string>;
}

/** Watches each file of copies from the moment in which the store has written it. */
export class Watch {
  readonly #world: World;
  readonly #keeper: Machine;
  readonly #tree: () => SimFileTree;
  /** Paths whose copies must never be made. */
  readonly #never: readonly string[];
  /** Since when the store knows that a machine may not read a path, by both. */
  readonly #barredMs = new Map<string, number>();
  /** `machine path version`, by the store's own audit log. */
  readonly #recorded = new Set<string>();
  readonly #unread: Written[] = [];

  constructor(world: World, parts: { keeper: Machine; tree: () => SimFileTree; never: readonly string[] }) {
    this.#world = world;
    this.#keeper = parts.keeper;
    this.#tree = parts.tree;
    this.#never = parts.never;
    world.onStart((machine, { replica }) => {
      if (machine !== this.#keeper) return;
      // What it wrote down while it started.
      this.#signed((replica.chain(machine.id, CLASS_AUDIT)?.main ?? []).map(({ entry }) => entry));
      replica.onGrowth(({ entries }) => this.#signed(entries));
    });
  }

  /** To be called for every file in the moment in which it is written; it is judged in the next {@link look}. */
  wrote(name: string, content: Uint8Array): void {
    this.#world.trace.note(this.#world.clock.monotonic(), this.#keeper.name, `wrote ${name}`, content);
    const path = pathOf(name);
    if (path === null) this.#checkClear(name, content);
    else {
      this.#unread.push({ path, content, barred: this.#barredFrom(path) });
    }
  }

  /** Every now and then. */
  async look(paths: readonly string[]): Promise<void> {
    const { agent } = this.#keeper;
    const nowMs = this.#world.clock.monotonic();
    for (const machine of this.#world.machines) {
      const entitled = agent === null ? null : entitledPaths(agent.view(), machine.id);
      for (const path of paths) {
        const key = `${machine.id} ${path}`;
        // A store that does not run knows nothing new, and forgets nothing.
        if (entitled?.includes(path)) this.#barredMs.delete(key);
        else if (entitled !== null && !this.#barredMs.has(key)) this.#barredMs.set(key, nowMs);
      }
    }
    // Of a disk that nobody has open nothing is read.
    if (agent === null) return;
    const waiting = await this.#keeper.disk.scan(UNSIGNED);
    this.#record(waiting.map(({ value }) => value));
    for (const written of this.#unread.splice(0)) await this.#judge(written);
  }

  /** Who opens the file of a path as it lies there, by name, and what they find. */
  async openers(path: string): Promise<ReadonlyMap<Machine, string>> {
    const content = this.#tree().now.get(`${path}.age`);
    return content === undefined ? new Map() : this.#open(content);
  }

  async #judge({ path, content, barred }: Written): Promise<void> {
    this.#checkClear(path, content);
    if (this.#never.includes(path)) this.#violated(`there is a copy of ${path}, which must not outlive its stores`);
    const openers = await this.#open(content);
    if (!openers.has(this.#keeper)) this.#violated(`the store cannot open its own copy of ${path}`);
    for (const [machine, text] of openers) {
      const version = this.#versionOf(path, text);
      if (version === undefined) this.#violated(`the copy of ${path} holds what nobody set`);
      if (this.#isStore(machine)) continue;
      const { id, name } = machine;
      if (!this.#world.history.everLabelled(id, "web")) this.#violated(`${name} opens the copy of ${path}`);
      if (barred.has(id)) this.#violated(`the copy of ${path} was sealed to ${name}, which may read it no longer`);
      if (version !== undefined && !this.#recorded.has(`${id} ${path} ${version}`)) {
        this.#violated(`${name} opens the copy of ${path}, and that is not on record`);
      }
    }
    // Whoever was enrolled with everybody and was given no label.
    const mole = await this.#world.keys.open(this.#world.hostile.member.seal, content);
    if (mole !== null) this.#violated(`a member without a label opens the copy of ${path}`);
  }

  async #open(content: Uint8Array): Promise<ReadonlyMap<Machine, string>> {
    const openers = new Map<Machine, string>();
    for (const machine of this.#world.machines) {
      try {
        const value = await machine.open(content);
        if (value !== null) openers.set(machine, Buffer.from(value.reveal()).toString());
      } catch (error) {
        if (!(error instanceof SealBrokenError)) throw error;
      }
    }
    return openers;
  }

  #versionOf(path: string, text: string): string | undefined {
    const { values, writes } = this.#world.history;
    const at = secretVersionPath(path);
    return writes.find((write) => write.path === at && values.get(write.entry) === text)?.entry;
  }

  #barredFrom(path: string): ReadonlySet<string> {
    const view = this.#keeper.agent?.view();
    const nowMs = this.#world.clock.monotonic();
    const isBarred = ({ id }: Machine) =>
      nowMs - (this.#barredMs.get(`${id} ${path}`) ?? nowMs) > KNOWN_MS &&
      (view === undefined || !entitledPaths(view, id).includes(path));
    return new Set(this.#world.machines.filter(isBarred).map(({ id }) => id));
  }

  #signed(entries: readonly Entry[]): void {
    const isOwn = ({ header }: Entry) =>
      header.kind === "chain" && header.class === CLASS_AUDIT && toHex(header.log) === this.#keeper.id;
    this.#record(entries.filter(isOwn).map(({ payload }) => payload));
  }

  #record(records: readonly Uint8Array[]): void {
    for (const { node, path, version } of readGrants(this.#keeper.id, records.map(decodeAudit))) {
      this.#recorded.add(`${node} ${path} ${version}`);
    }
  }

  #checkClear(name: string, content: Uint8Array): void {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    if (bytes.includes(this.#world.marker)) this.#world.violated("secrets", `${name} holds a value in the clear`);
  }

  #isStore({ id }: Machine): boolean {
    return this.#world.history.rolesOf(id).has("secret-store");
  }

  #violated(detail: string): void {
    this.#world.violated("copies", detail);
  }
}

/** Null for a file that is no copy. */
function pathOf(name: string): string | null {
  return name.endsWith(".age") ? name.slice(0, -".age".length) : null;
}
