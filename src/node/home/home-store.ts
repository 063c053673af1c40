import type { Clock, Timer } from "../../core/ports/clock.ts";
import type { Disk } from "../../core/ports/disk.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Replica } from "../../crdt/replica.ts";
import { ENTRIES } from "../agent.ts";
import { lossRecord } from "../loss.ts";
import { StoreDamagedError } from "../platform/store/errors.ts";
import type { StoreHealth } from "../platform/store/health.ts";
import { openStore } from "../platform/store/open-store.ts";
import type { OpenedStore } from "../platform/store/opened-store.ts";
import { readStore } from "../platform/store/read-store.ts";
import { readNewestSnapshot, writeSnapshot } from "../platform/store/snapshots.ts";

/** What stands under `home/` that belongs to the store. */
const STORE = "store";
const SNAPSHOTS = "snapshots";

/** A snapshot is made this often, if anything was written since the last one. */
const SNAPSHOT_EVERY_MS = 3_600_000;
/** The first one: a new member has caught up by then. */
const FIRST_SNAPSHOT_MS = 300_000;

/** What salvage finds may be altered itself: that shows when it is loaded, and a snapshot may have it as it was. */
const MOST_HEALINGS = 2;

export function storePath(home: string): string {
  return `${home}/${STORE}`;
}

/** What is read from the store of a home: an agent, or a replica alone. */
export interface Loadable {
  readonly replica: Replica;
  load(): Promise<void>;
}

export interface Loaded<T extends Loadable> {
  readonly loaded: T;
  readonly disk: Disk;
  readonly health: () => StoreHealth;
  /** After this the next start does not say any more what was done to the store at this one. */
  readonly told: () => Promise<void>;
}

/**
 * Opens the store of a home and loads from it what `build` makes. A store that lost something is healed first, from what
 * is readable and from the last snapshot; what is missing then, peers have. Throws `HomeInUse`.
 */
export async function loadStore<T extends Loadable>(
  home: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  build: (disk: Disk, health: () => StoreHealth) => T,
): Promise<Loaded<T>> {
  const options = {
    now: () => new Date(clock.now()),
    monotonicMs: () => clock.monotonic(),
    snapshot: () => readNewestSnapshot(`${home}/${SNAPSHOTS}`),
    mark: (at: Date) => lossRecord(at.getTime()),
  };
  const open = (damage?: StoreDamagedError): Promise<OpenedStore> =>
    openStore(storePath(home), { ...options, ...(damage === undefined ? {} : { damage }) });
  let opened = await open();
  let loaded = await tryToLoad(opened, build);
  for (let healings = 0; loaded instanceof StoreDamagedError && healings < MOST_HEALINGS; healings++) {
    await opened.disk.close();
    opened = await open(loaded);
    loaded = await tryToLoad(opened, build);
  }
  if (loaded instanceof StoreDamagedError) {
    // Healed and still incomplete: nothing on this machine has more. Peers do.
    loaded = build(opened.disk, opened.health);
    await loaded.load();
    await loaded.replica.acceptLoss();
  }
  if (opened.health().state !== "stand-in" || damageOf(loaded.replica) === null) await opened.accept();
  const health = opened.health();
  if (health.state !== "sound") log.write("error", "store.opened", { ...health });
  return { loaded, ...opened };
}

export interface LoadedReplica {
  readonly replica: Replica;
  readonly disk: Disk;
  readonly health: StoreHealth;
}

/** Loads what a home knows without touching its store, also a damaged one, of which it gives what is readable. */
export async function readReplica(home: string, build: (disk: Disk) => Replica): Promise<LoadedReplica> {
  const options = { snapshot: () => readNewestSnapshot(`${home}/${SNAPSHOTS}`) };
  let opened = await readStore(storePath(home), options);
  let replica = build(opened.disk);
  await replica.load();
  const damage = damageOf(replica);
  if (damage !== null && opened.health().state === "sound") {
    opened = await readStore(storePath(home), { ...options, damage });
    replica = build(opened.disk);
    await replica.load();
  }
  return { replica, disk: opened.disk, health: opened.health() };
}

async function tryToLoad<T extends Loadable>(
  { disk, health }: OpenedStore,
  build: (disk: Disk, health: () => StoreHealth) => T,
): Promise<T | StoreDamagedError> {
  const loaded = build(disk, health);
  try {
    await loaded.load();
  } catch (error) {
    if (error instanceof StoreDamagedError) return error;
    throw error;
  }
  const damage = damageOf(loaded.replica);
  return health().state === "stand-in" || damage === null ? loaded : damage;
}

/** What a replica missed when it was loaded; null when nothing. */
function damageOf({ missing, damaged }: Replica): StoreDamagedError | null {
  if (missing + damaged.length === 0) return null;
  const reason = `${missing} records gone, ${damaged.length} altered`;
  return new StoreDamagedError("this home", reason, { altered: damaged.map((key) => ENTRIES + key) });
}

/** Makes snapshots of a store while its agent runs. */
export class SnapshotKeeper {
  readonly #parts: { readonly home: string; readonly disk: Disk; readonly clock: Clock; readonly log: Log };
  readonly #revision: () => number;
  #madeAt = -1;
  #timer: Timer | null = null;
  #making: Promise<void> = Promise.resolve();

  /** `revision` changes with every write that is worth a snapshot. */
  constructor(
    parts: { readonly home: string; readonly disk: Disk; readonly clock: Clock; readonly log: Log },
    revision: () => number,
  ) {
    this.#parts = parts;
    this.#revision = revision;
  }

  start(): void {
    this.#makeIn(FIRST_SNAPSHOT_MS);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#making;
  }

  #makeIn(delayMs: number): void {
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#making = this.#make().finally(() => this.#makeIn(SNAPSHOT_EVERY_MS));
    });
  }

  async #make(): Promise<void> {
    const { home, disk, clock, log } = this.#parts;
    const revision = this.#revision();
    if (revision === this.#madeAt) return;
    try {
      await writeSnapshot(`${home}/${SNAPSHOTS}`, await disk.scan(""), new Date(clock.now()));
      this.#madeAt = revision;
    } catch (error) {
      log.write("error", "snapshot.failed", { error });
    }
  }
}
