import { LabError } from "../../core/errors.ts";
import { ABOUT_SERVERS, aboutServer, secretVersionPath } from "../../core/paths.ts";
import {
  entitledPaths,
  grantingWays,
  isRemoved,
  isWayTaken,
  mayRead,
  SECRET_STORE,
} from "../../core/policy/entitlement.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import type { Disk } from "../../core/ports/disk.ts";
import type { Keys, SealIdentity } from "../../core/ports/keys.ts";
import { PeerFailedError } from "../../core/ports/link.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Peers } from "../../core/ports/mesh.ts";
import type { Random } from "../../core/ports/random.ts";
import { type PassOutcome, RepeatedPass } from "../../core/repeated-pass.ts";
import type { Secret } from "../../core/secret.ts";
import { inAskingOrder } from "../../core/secrets/asking-order.ts";
import type { Heads } from "../../core/secrets/freshness.ts";
import { lifetimeOf } from "../../core/secrets/lifetime.ts";
import { decodeGetAnswer, decodeServed, encodeGetRequest, GET_CHANNEL } from "../../core/secrets/messages.ts";
import { openServed } from "../../core/secrets/open-served.ts";
import { overlapAt, versionBefore } from "../../core/secrets/overlap.ts";
import { type CurrentVersion, currentVersion, type OverlappingVersion } from "../../core/secrets/version.ts";
import type { Node, View } from "../../core/view.ts";
import {
  type CacheRecord,
  decodeCacheRecord,
  encodeCacheRecord,
  openCacheRecord,
  sealCacheRecord,
} from "./cache-record.ts";

/** Where on a home's disk the cache is. */
export const SECRET_CACHE = "secret-cache/";
const PREFIX = "value/";
/** What the value of now took the place of, while that is valid. */
const BEFORE = "before/";
/** A store that is heard of has this long to answer, any other one less: what is cached must not wait for the dead. */
const ONLINE_TIMEOUT_MS = 5000;
const SILENT_TIMEOUT_MS = 2000;
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;
/** A timer that is set for longer is set anew when it rings: a wall clock may jump meanwhile. */
const LONGEST_WAIT_MS = 3_600_000;

export interface SecretCacheOptions {
  readonly self: { readonly id: string; readonly key: string };
  readonly mesh: Uint8Array;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The cache's own part of the disk. */
  readonly disk: Disk;
  /** 32 bytes that never leave this machine. */
  readonly machineKey: Secret;
  /** Those before it: what is sealed under one of them is sealed anew. */
  readonly formerKeys?: readonly Secret[];
  /** What stores seal to this node opens with it. */
  readonly seal: SealIdentity;
  readonly peers: Peers;
  readonly view: () => View;
  readonly heads: () => Heads;
  /** Pulls what a peer has and this replica lacks. Throws `PeerUnreachable` if that fails. */
  readonly catchUp: (peer: string) => Promise<void>;
}

/** A value on this machine, for whoever may ask this machine. */
export interface CachedSecret {
  /** The caller's own copy: wipe it after use. */
  readonly value: Secret;
  /** Hex of the ledger entry that wrote it. */
  readonly version: string;
  /** - `fresh`: the current version, as far as this machine knows · `stale`: an older one, as no store has answered */
  readonly state: "fresh" | "stale";
  readonly fetchedMs: number;
}

/** What this machine holds, or should, for people; never a value. */
export interface CacheEntry {
  readonly path: string;
  /** Hex of the ledger entry that wrote it; null while nothing is cached. */
  readonly version: string | null;
  /**
   * - `fresh`: the current version, as far as this machine knows
   * - `stale`: an older one, or one whose time to be fetched anew has come; given while no store answers
   * - `withheld`: what granted it became void; kept for the day when an operator adopts it, and not given out
   * - `expired`: older than its declaration allows without a store's word; not given out
   * - `missing`: this machine is entitled to it, it has a value, and no store gave it yet
   */
  readonly state: "fresh" | "stale" | "withheld" | "expired" | "missing";
  readonly fetchedMs: number | null;
  /** When it is fetched anew without a new version; null if it never is. */
  readonly refreshMs: number | null;
  /** The version before, which is held as well while it is valid; null where none is. */
  readonly before: OverlappingVersion | null;
}

interface Plan {
  readonly wipe: readonly CacheRecord[];
  readonly fetch: readonly string[];
  /** Of versions before: those that are valid no more, and those that are and were not here when they were replaced. */
  readonly lapsed: readonly CacheRecord[];
  readonly fetchBefore: readonly CurrentVersion[];
}

const NOTHING: Plan = { wipe: [], fetch: [], lapsed: [], fetchBefore: [] };

/**
 * Every node's own copy of what it is entitled to, sealed under its machine key: read at start without any network,
 * refreshed beside it, wiped when an effective change takes the entitlement away. A stale value beats none.
 */
export class SecretCache {
  readonly #options: SecretCacheOptions;
  readonly #passes: RepeatedPass;
  readonly #records = new Map<string, CacheRecord>();
  /** By path, what was replaced and is still valid. */
  readonly #before = new Map<string, CacheRecord>();
  /** Versions before that were asked for once: whoever has none of it goes on without. */
  readonly #askedBefore = new Set<string>();
  readonly #asking = new Map<string, Promise<boolean>>();
  #life: "running" | "stopped" = "running";
  /** Revision of the view that the cache was last brought in line with. */
  #settledAt = -1;
  /** A view that left nothing to do, until the cache itself changes. */
  #idle: Pick<View, "nodes" | "mark"> | null = null;
  readonly #listeners = new Set<() => void>();
  /** Rings when the next copy has to be fetched anew, or may be given no more. */
  #alarm: Timer | null = null;

  constructor(options: SecretCacheOptions) {
    this.#options = options;
    this.#passes = new RepeatedPass({
      clock: options.clock,
      run: () => this.reconcile(),
      failed: (error) => options.log.write("warn", "secret-cache.pass-failed", { error }),
      retryFirstMs: RETRY_FIRST_MS,
      retryMostMs: RETRY_MOST_MS,
    });
  }

  /** Reads what the disk has. A damaged record is as if it had never been. */
  async load(): Promise<void> {
    for (const [prefix, records] of this.#kinds) {
      for (const { key, value } of await this.#options.disk.scan(prefix)) {
        const record = decodeCacheRecord(value);
        if (record !== null && key === prefix + record.path) records.set(record.path, record);
        else this.#options.log.write("error", "secret-cache.damaged-record", { key });
      }
    }
    const { formerKeys = [] } = this.#options;
    if (formerKeys.length > 0) await this.#sealAnew(formerKeys);
  }

  get #kinds(): readonly (readonly [prefix: string, records: Map<string, CacheRecord>])[] {
    return [
      [PREFIX, this.#records],
      [BEFORE, this.#before],
    ];
  }

  /** What is under a key of before is put under that of now, all of it in one write. */
  async #sealAnew(formerKeys: readonly Secret[]): Promise<void> {
    const { disk, keys, log, machineKey, mesh, random } = this.#options;
    const batch: { readonly key: string; readonly value: Uint8Array }[] = [];
    const held = this.#kinds.flatMap(([prefix, records]) =>
      [...records.values()].map((one) => [prefix, records, one] as const),
    );
    for (const [prefix, records, record] of held) {
      const own = openCacheRecord(keys, machineKey, mesh, record);
      own?.wipe();
      if (own !== null) continue;
      const value = formerKeys.reduce<Secret | null>(
        (found, key) => found ?? openCacheRecord(keys, key, mesh, record),
        null,
      );
      if (value === null) continue;
      const { path, version, labels, fetchedMs } = record;
      const facts = { path, version, labels, fetchedMs };
      const renewed = sealCacheRecord({ keys, random }, machineKey, mesh, facts, value);
      value.wipe();
      records.set(path, renewed);
      batch.push({ key: prefix + path, value: encodeCacheRecord(renewed) });
    }
    if (batch.length === 0) return;
    // On a full disk, or in a home that is only read, the next start does it.
    await disk.append(batch, true).catch((error: unknown) => log.write("error", "secret-cache.not-stored", { error }));
  }

  /** The view has changed: asks for a {@link reconcile} soon if that left something to do. */
  requestReconcile(): void {
    const view = this.#options.view();
    const { wipe, fetch, lapsed, fetchBefore } = this.#isIdleIn(view) ? NOTHING : this.#plan(view);
    if (wipe.length + fetch.length + lapsed.length + fetchBefore.length > 0) {
      this.#idle = null;
      this.#passes.request();
    } else {
      this.#idle = { nodes: view.nodes, mark: view.mark };
      this.#settledAt = view.revision;
      this.#setAlarm();
    }
  }

  /** Calls `listener` whenever a value came, went or changed, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Time alone ends a copy, so time alone has to wake the cache: once, for whichever comes first. */
  #setAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    if (this.#life === "stopped" || this.#records.size + this.#before.size === 0) return;
    const { clock, view } = this.#options;
    const nowMs = clock.now();
    const folded = view();
    const times = [...this.#records.values()]
      .map(({ path, fetchedMs }) => lifetimeOf(folded, path, fetchedMs))
      .flatMap(({ refreshMs, endMs }) => [refreshMs, endMs])
      .concat([...this.#before.keys()].map((path) => this.#overlapOf(folded, path)?.untilMs ?? null))
      .filter((timeMs) => timeMs !== null && timeMs > nowMs) as number[];
    if (times.length === 0) return;
    this.#alarm = clock.after(Math.min(LONGEST_WAIT_MS, Math.min(...times) - nowMs), () => {
      this.#settledAt = -1;
      this.#passes.request();
      this.#setAlarm();
      this.#tell();
    });
  }

  /** Since there was nothing to do, only other servers were written about: most writes are. */
  #isIdleIn(view: View): boolean {
    if (this.#idle?.nodes !== view.nodes) return false;
    const own = aboutServer(this.#options.self.id);
    const changed = view.changedSince(this.#idle.mark);
    return changed?.every((path) => path.startsWith(ABOUT_SERVERS) && !path.startsWith(own)) === true;
  }

  /** What is under way keeps nothing any more. */
  async stop(): Promise<void> {
    this.#life = "stopped";
    this.#passes.stop();
    this.#alarm?.cancel();
  }

  /** What is cached, and what should be and is not, ascending by path. */
  list(): CacheEntry[] {
    const view = this.#options.view();
    const cached = [...this.#records.values()].map((record): CacheEntry => {
      const { path, version, fetchedMs } = record;
      const { refreshMs } = lifetimeOf(view, path, fetchedMs);
      const before = this.#validBefore(view, path) === null ? null : this.#overlapOf(view, path);
      return { path, version, state: this.#stateOf(view, record), fetchedMs, refreshMs, before };
    });
    const missing = entitledPaths(view, this.#options.self.id)
      .filter((path) => !this.#records.has(path) && currentVersion(view, path) !== undefined)
      .map((path): CacheEntry => {
        return { path, version: null, state: "missing", fetchedMs: null, refreshMs: null, before: null };
      });
    return [...cached, ...missing].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /**
   * The value from this machine alone, without asking anybody; null where it has none that may be given. A stale value
   * beats none.
   */
  held(path: string): CachedSecret | null {
    const view = this.#options.view();
    const current = this.#mayKeep(view, path) ? currentVersion(view, path) : undefined;
    return current === undefined ? null : this.#cached(current);
  }

  /** The version before the current one, from this machine alone, while the overlap of its secret lasts; else null. */
  heldBefore(path: string): CachedSecret | null {
    const record = this.#validBefore(this.#options.view(), path);
    if (record === null) return null;
    const { keys, machineKey, mesh, log } = this.#options;
    const value = openCacheRecord(keys, machineKey, mesh, record);
    if (value === null) {
      this.#before.delete(path);
      log.write("error", "secret-cache.damaged-value", { path });
      return null;
    }
    const { version, fetchedMs } = record;
    return { value, version, state: "stale", fetchedMs };
  }

  #overlapOf(view: View, path: string): OverlappingVersion | null {
    return overlapAt(currentVersion(view, path), this.#options.clock.now());
  }

  #validBefore(view: View, path: string): CacheRecord | null {
    const record = this.#before.get(path);
    const isValid = record !== undefined && this.#overlapOf(view, path)?.version === record.version;
    return isValid && this.#mayKeep(view, path) ? record : null;
  }

  /**
   * The value, from here if this is the current version, else from the stores, else the one that was current before.
   * Throws `NotAuthorised`, alike for what does not exist and what this machine may not have, and `SecretUnavailable`
   * if no store answers and nothing is cached.
   */
  async get(path: string): Promise<CachedSecret> {
    const current = this.#requireKnown(path);
    const cached = this.#cached(current);
    // One that is only due to be fetched anew is given at once: the next pass sees to the rest.
    if (cached?.version === current.version) return cached;
    cached?.value.wipe();
    await this.#refresh(path);
    // Asked anew: the view may have learned from a store that it asked.
    const found = this.#cached(this.#requireKnown(path));
    if (found === null) throw this.#unavailable(path);
    if (found.state === "stale")
      this.#options.log.write("warn", "secret-cache.stale", { path, version: found.version });
    return found;
  }

  /** Wipes what this node may keep no longer, fetches what it may have and lacks. Cheap when the view has not changed. */
  async reconcile(): Promise<PassOutcome> {
    const view = this.#options.view();
    if (view.revision === this.#settledAt) return "settled";
    const { wipe, fetch, lapsed, fetchBefore } = this.#plan(view);
    await this.#wipe(wipe);
    await this.#forgetBefore(lapsed);
    let lacking = 0;
    for (const path of fetch) {
      if (this.#life === "stopped") return "settled";
      if (this.#lacks(this.#options.view(), path) && !(await this.#refresh(path))) lacking++;
    }
    for (const wanted of fetchBefore) await this.#refreshBefore(wanted);
    this.#setAlarm();
    if (lacking > 0) return "unsettled";
    this.#settledAt = view.revision;
    return "settled";
  }

  #plan(view: View): Plan {
    const { id } = this.#options.self;
    const entitled = entitledPaths(view, id);
    return {
      wipe: [...this.#records.values()].filter((record) => isWithdrawn(view, id, record)),
      fetch: entitled.filter((path) => this.#lacks(view, path)),
      lapsed: [...this.#before.values()].filter(
        (record) => this.#isLapsed(view, record) || isWithdrawn(view, id, record),
      ),
      fetchBefore: entitled.flatMap((path) => this.#lackedBefore(view, path)),
    };
  }

  /** By its time, or by another version: what only became void took nothing away. */
  #isLapsed(view: View, { path, version }: CacheRecord): boolean {
    return currentVersion(view, path) !== undefined && this.#overlapOf(view, path)?.version !== version;
  }

  /** What is valid besides the current version, and was never on this machine. */
  #lackedBefore(view: View, path: string): CurrentVersion[] {
    const overlap = this.#overlapOf(view, path);
    if (overlap === null || this.#askedBefore.has(overlap.version)) return [];
    const here = [this.#before.get(path)?.version, this.#records.get(path)?.version];
    if (here.includes(overlap.version)) return [];
    const wanted = versionBefore(view, path, this.#options.clock.now());
    return wanted === undefined ? [] : [wanted];
  }

  /** Whether there is a current version, and it is not here or has to be fetched anew. */
  #lacks(view: View, path: string): boolean {
    const current = currentVersion(view, path);
    if (current === undefined) return false;
    const record = this.#records.get(path);
    return record?.version !== current.version || this.#isPast(lifetimeOf(view, path, record.fetchedMs).refreshMs);
  }

  #isPast(timeMs: number | null): boolean {
    return timeMs !== null && this.#options.clock.now() >= timeMs;
  }

  #stateOf(view: View, { path, version, fetchedMs }: CacheRecord): CacheEntry["state"] {
    const current = currentVersion(view, path);
    if (current === undefined || !this.#mayKeep(view, path)) return "withheld";
    const { refreshMs, endMs } = lifetimeOf(view, path, fetchedMs);
    if (this.#isPast(endMs)) return "expired";
    return current.version === version && !this.#isPast(refreshMs) ? "fresh" : "stale";
  }

  /** A node whose name is contested keeps what it holds: it reads it here, and no store gives it anything new. */
  #mayKeep(view: View, path: string): boolean {
    const { id } = this.#options.self;
    return view.nodes.get(id)?.state === "active" && grantingWays(view, id, path).length > 0;
  }

  #requireKnown(path: string): CurrentVersion {
    const view = this.#options.view();
    const current = this.#mayKeep(view, path) ? currentVersion(view, path) : undefined;
    if (current !== undefined) return current;
    throw notGiven(path);
  }

  /** From memory, whichever version it is. */
  #cached({ path }: CurrentVersion): CachedSecret | null {
    const record = this.#records.get(path);
    const state = record === undefined ? "missing" : this.#stateOf(this.#options.view(), record);
    if (record === undefined || (state !== "fresh" && state !== "stale")) return null;
    const { keys, machineKey, mesh, log } = this.#options;
    const value = openCacheRecord(keys, machineKey, mesh, record);
    if (value === null) {
      // The disk keeps it until a good one takes its place.
      this.#records.delete(path);
      this.#idle = null;
      log.write("error", "secret-cache.damaged-value", { path });
      return null;
    }
    const { version, fetchedMs } = record;
    return { value, version, state, fetchedMs };
  }

  /** True once the current version is cached; whoever asks meanwhile waits for the same answer. */
  #refresh(path: string): Promise<boolean> {
    let asking = this.#asking.get(path);
    if (asking === undefined) {
      asking = this.#askStores(path).finally(() => this.#asking.delete(path));
      this.#asking.set(path, asking);
    }
    return asking;
  }

  /** Once, from whoever gives it: a machine that was not there when it was replaced. */
  async #refreshBefore(wanted: CurrentVersion): Promise<void> {
    this.#askedBefore.add(wanted.version);
    await this.#askStores(wanted.path, wanted);
  }

  /** `wanted` is a version besides the current one. */
  async #askStores(path: string, wanted?: CurrentVersion): Promise<boolean> {
    const { peers, random, log, view, self } = this.#options;
    for (const store of inAskingOrder(view().holders(SECRET_STORE), peers, random)) {
      if (this.#life === "stopped" || !mayRead(view(), self.id, path)) return false;
      try {
        const refused = await this.#ask(store, path, wanted);
        if (refused === null) return true;
        log.write("warn", "secret-cache.refused", { path, store: store.name, reason: refused });
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        const level = error.code.startsWith("Peer") ? "debug" : "warn";
        log.write(level, "secret-cache.not-served", { path, store: store.name, error });
      }
    }
    return false;
  }

  /** Null if the store gave the version that is meant and it is kept, else why it is not. */
  async #ask(store: Node, path: string, wanted: CurrentVersion | undefined): Promise<string | null> {
    const { heads, keys, mesh, peers, seal, view } = this.#options;
    const timeoutMs = peers.opinion(store.key).online === "yes" ? ONLINE_TIMEOUT_MS : SILENT_TIMEOUT_MS;
    const { authority, desired } = heads();
    const which = wanted === undefined ? {} : { version: wanted.version };
    const body = encodeGetRequest({ path, ...which, authority, desired });
    const answer = decodeGetAnswer(await peers.request(store.key, GET_CHANNEL, body, timeoutMs));
    if (answer.state !== "value") throw new PeerFailedError(store.key, `the store says: ${answer.state}`);
    const opened = await keys.open(seal, answer.sealed);
    if (opened === null) return "it is not sealed to this machine";
    const served = decodeServed(opened);
    opened.wipe();
    try {
      if (served.path !== path) return "it is another secret";
      const meant = () =>
        wanted === undefined ? currentVersion(view(), path) : versionBefore(view(), path, this.#options.clock.now());
      if (meant()?.version !== served.version) await this.#options.catchUp(store.key);
      // A version that this view knows as superseded and not valid any more, or does not know at all, is never taken.
      const current = meant();
      if (current?.version !== served.version)
        return `it is not the ${wanted === undefined ? "current version" : "version before"}`;
      const content = await openServed(keys, seal, mesh, served, current);
      if (content.verdict !== "value") return content.reason;
      try {
        await (wanted === undefined ? this.#keep(current, content.value) : this.#keepBefore(current, content.value));
        return null;
      } finally {
        content.value.wipe();
      }
    } finally {
      if ("value" in served.content) served.content.value.wipe();
    }
  }

  async #keep({ path, version }: CurrentVersion, value: Secret): Promise<void> {
    const { clock, disk, keys, log, machineKey, mesh, random, self, view } = this.#options;
    const labels = grantingWays(view(), self.id, path);
    if (labels.length === 0 || this.#life === "stopped") return;
    const facts = { path, version, labels, fetchedMs: clock.now() };
    const record = sealCacheRecord({ keys, random }, machineKey, mesh, facts, value);
    const before = this.#records.get(path);
    const isOverlapping = before !== undefined && this.#overlapOf(view(), path)?.version === before.version;
    if (isOverlapping) this.#before.set(path, before);
    this.#records.set(path, record);
    this.#idle = null;
    this.#setAlarm();
    if (before?.version !== version) this.#tell();
    try {
      const overlapping = isOverlapping ? [{ key: BEFORE + path, value: encodeCacheRecord(before) }] : [];
      await disk.append([{ key: PREFIX + path, value: encodeCacheRecord(record) }, ...overlapping], true);
      if (!isOverlapping) before?.sealed.fill(0);
    } catch (error) {
      // A full disk takes the next start's copy, not this one.
      log.write("error", "secret-cache.not-stored", { path, error });
    }
  }

  async #keepBefore({ path, version }: CurrentVersion, value: Secret): Promise<void> {
    const { clock, disk, keys, log, machineKey, mesh, random, self, view } = this.#options;
    const labels = grantingWays(view(), self.id, path);
    if (labels.length === 0 || this.#life === "stopped") return;
    const facts = { path, version, labels, fetchedMs: clock.now() };
    const record = sealCacheRecord({ keys, random }, machineKey, mesh, facts, value);
    this.#before.set(path, record);
    this.#setAlarm();
    this.#tell();
    await disk
      .append([{ key: BEFORE + path, value: encodeCacheRecord(record) }], true)
      .catch((error: unknown) => log.write("error", "secret-cache.not-stored", { path, error }));
  }

  async #forgetBefore(records: readonly CacheRecord[]): Promise<void> {
    if (records.length === 0) return;
    for (const { path, sealed } of records) {
      sealed.fill(0);
      this.#before.delete(path);
    }
    this.#tell();
    const keys = records.map(({ path }) => BEFORE + path);
    await this.#options.disk.remove(keys, true);
  }

  async #wipe(records: readonly CacheRecord[]): Promise<void> {
    if (records.length === 0) return;
    for (const { path, sealed } of records) {
      sealed.fill(0);
      this.#records.delete(path);
    }
    await this.#forgetBefore(records.flatMap(({ path }) => this.#before.get(path) ?? []));
    this.#tell();
    const paths = records.map(({ path }) => path);
    await this.#options.disk.remove(
      paths.map((path) => PREFIX + path),
      true,
    );
    this.#options.log.write("info", "secret-cache.wiped", { paths });
  }

  #unavailable(path: string): LabError {
    const { clock, peers, view } = this.#options;
    const stores = view().holders(SECRET_STORE);
    const nowMs = clock.now();
    const notes = stores.map(({ name, key }) => {
      const { online, lastHeardMs } = peers.opinion(key);
      const heard =
        lastHeardMs === null ? "not heard since this agent started" : `last heard ${ago(nowMs - lastHeardMs)}`;
      return online === "yes" ? `${name} is online and gave nothing that holds` : `${name}: ${heard}`;
    });
    return new LabError("SecretUnavailable", `secret "${path}" is not on this machine, and no store gave it`, {
      notes: stores.length === 0 ? ["no machine has the label secret-store"] : notes,
      hint:
        stores.length === 0 ? "lab label server NODE secret-store" : "it is fetched as soon as a store can be reached",
    });
  }
}

/**
 * True if effective writes took the entitlement away: the node was cut, the secret removed, or each label that granted
 * it was taken from the node or declares it no more. What is merely void is withheld and kept (`trust.md` §5).
 */
function isWithdrawn(view: View, self: string, { path, labels }: CacheRecord): boolean {
  const node = view.nodes.get(self);
  if (node === undefined) return false;
  if (node.state === "cut" || isRemoved(view, secretVersionPath(path))) return true;
  if (node.state === "suspended" || grantingWays(view, self, path).length > 0) return false;
  return labels.every((way) => isWayTaken(view, self, path, way));
}

/** Alike for what does not exist and for what whoever asks may not have. */
export function notGiven(path: string): LabError {
  return new LabError("NotAuthorised", `secret "${path}" does not exist or this machine is not entitled to it`, {
    hint: "lab get secrets says which labels declare it",
  });
}

function ago(spanMs: number): string {
  const seconds = Math.max(0, Math.round(spanMs / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}
