import { TokenBucket } from "../../core/token-bucket.ts";
import { LabError, SealBrokenError } from "../../core/errors.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import type { PassOutcome } from "../../core/repeated-pass.ts";
import { inAskingOrder } from "../../core/secrets/asking-order.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "../../core/secrets/envelope.ts";
import {
  decodeFetchAnswer,
  decodeFetchRequest,
  decodeListRequest,
  encodeCensus,
  encodeFetchAnswer,
  encodeFetchRequest,
  encodeHeldPage,
  FETCH_CHANNEL,
  type HeldVersion,
  PAGE_VERSIONS,
  type Vouched,
} from "../../core/secrets/messages.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import { type CurrentVersion, currentVersion, currentVersions, keptVersions } from "../../core/secrets/version.ts";
import type { Node } from "../../core/view.ts";
import { compareHeld, type Dataset } from "./dataset.ts";
import { heldBy } from "./held-by.ts";
import { judgeEnvelope } from "./judge.ts";
import { restoredEnvelope } from "./restoring.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** Each fetch waits for the network, then for the disk. */
const FETCHES_AT_ONCE = 8;
/**
 * A store answers any member 200 requests a second, with 2,000 in hand, and refuses what is above: that would end the fill
 * until its next try. Some of it is left for whatever else this node asks of it.
 */
const FETCH_PACE = { perSecond: 185, burst: 1_700 };
const PAUSE_MS = 100;
/** A fill of so many is told in the log, again and again. */
const PROGRESS_EVERY = 1000;

export interface ReplicationParts {
  readonly context: RoleContext;
  readonly dataset: Dataset;
  /** False once this node is a store no more: nothing is then fetched or wrapped. */
  readonly isStore: () => boolean;
}

/** How stores keep each other complete: each asks the others for what it lacks, and wraps what it holds to all. */
export class Replication {
  readonly #context: RoleContext;
  readonly #dataset: Dataset;
  readonly #isStore: () => boolean;
  /** By the key of the store that is asked. */
  readonly #paces = new Map<string, TokenBucket>();
  /** Revision of the view that the dataset was last brought in line with. */
  #settledAt = -1;

  constructor({ context, dataset, isStore }: ReplicationParts) {
    this.#context = context;
    this.#dataset = dataset;
    this.#isStore = isStore;
  }

  /** Answers any member: what exists is no secret, as every peer has it in its view. */
  list(body: Uint8Array): Uint8Array {
    const { after, path } = decodeListRequest(body);
    const rest = this.#dataset.list(path).filter((held) => after === null || compareHeld(held, after) > 0);
    return encodeHeldPage({ held: rest.slice(0, PAGE_VERSIONS), more: rest.length > PAGE_VERSIONS });
  }

  /** Answers another store; null for everybody else. */
  async fetch(peer: string, body: Uint8Array): Promise<Uint8Array | null> {
    const wanted = decodeFetchRequest(body);
    const requester = this.#context
      .view()
      .holders(SECRET_STORE)
      .find(({ key }) => key === peer);
    if (requester === undefined) return null;
    const envelope = await this.#dataset.readFor(wanted, requester.seal);
    return encodeFetchAnswer(envelope === undefined ? null : encodeEnvelope(envelope));
  }

  /** Answers any member. */
  census(vouched: Vouched): Uint8Array {
    const view = this.#context.view();
    const current = currentVersions(view).length;
    const toWrap = this.#dataset.sealedOtherwise().length;
    return encodeCensus({ current, held: current - this.#lacking().length, toWrap, vouched });
  }

  /** The dataset lost something: the next pass looks again, whether the view has changed or not. */
  unsettle(): void {
    this.#settledAt = -1;
  }

  /** Fetches what is lacking and wraps what is not wrapped to all stores. Cheap when the view has not changed. */
  async bringInLine(): Promise<PassOutcome> {
    const { revision } = this.#context.view();
    if (revision === this.#settledAt) return "settled";
    await this.#restore();
    await this.#fill();
    for (const held of this.#dataset.sealedOtherwise()) {
      if (!this.#isStore()) return "settled";
      await this.#dataset.reseal(held);
    }
    const lacking = this.#lacking().length;
    if (lacking > 0) {
      this.#context.log.write("info", "secret-store.incomplete", { lacking });
      return "unsettled";
    }
    this.#settledAt = revision;
    return "settled";
  }

  #lacking(): CurrentVersion[] {
    return currentVersions(this.#context.view()).filter((current) => !this.#dataset.has(current));
  }

  /** What lost against the current version of its path: nobody who wrote later knew it, so it is kept. */
  #lackingLosers(): CurrentVersion[] {
    const view = this.#context.view();
    return currentVersions(view)
      .flatMap(({ path }) => keptVersions(view, path).filter(({ standing }) => standing === "lost"))
      .filter((lost) => !this.#dataset.has(lost));
  }

  /** Makes the current version where it has the value of one that is here. */
  async #restore(): Promise<void> {
    for (const current of this.#lacking()) if (current.metadata.restores !== null) await this.restore(current);
  }

  /** True once the version is here and durable. */
  async restore(current: CurrentVersion): Promise<boolean> {
    if (this.#dataset.has(current)) return true;
    const { path, metadata } = current;
    if (metadata.restores === null || !this.#isStore()) return false;
    const older = await this.#dataset.read({ path, version: metadata.restores });
    if (older === undefined) return false;
    try {
      const envelope = await restoredEnvelope(this.#context, older, current);
      if (envelope === null) return false;
      const judged = await judgeEnvelope(this.#context, envelope, current);
      if (judged.verdict === "refused") return false;
      judged.committed?.value.wipe();
      await this.keep(envelope);
      return true;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.#context.log.write("error", "secret-store.damaged-value", { path, version: older.version });
      await this.#dataset.drop(older);
      return false;
    }
  }

  /** Durable when it resolves. */
  async keep(envelope: Envelope): Promise<void> {
    const order = keptVersions(this.#context.view(), envelope.path).map(({ version }) => version);
    await this.#dataset.put(envelope, order);
  }

  async #fill(): Promise<void> {
    const { log, peers, random } = this.#context;
    for (const store of inAskingOrder(this.#otherStores(), peers, random)) {
      if (this.#lacking().length + this.#lackingLosers().length === 0 || !this.#isStore()) return;
      try {
        await this.#takeAll(store, this.#missingOf(await heldBy(peers, store, REQUEST_TIMEOUT_MS)));
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        log.write("debug", "secret-store.store-not-asked", { store: store.name, error });
      }
    }
  }

  /** Of what another store holds, what belongs here and is not: current versions first, then those that are kept. */
  #missingOf(held: readonly HeldVersion[]): CurrentVersion[] {
    const view = this.#context.view();
    const known = new Map<string, ReadonlyMap<string, CurrentVersion>>();
    const missing = held.flatMap(({ path, version }) => {
      if (this.#dataset.has({ path, version })) return [];
      let kept = known.get(path);
      if (kept === undefined) {
        kept = new Map(keptVersions(view, path).map((one) => [one.version, one]));
        known.set(path, kept);
      }
      return kept.get(version) ?? [];
    });
    const isCurrent = ({ path, version }: HeldVersion) => currentVersion(view, path)?.version === version;
    return [...missing.filter(isCurrent), ...missing.filter((one) => !isCurrent(one))];
  }

  async #takeAll(store: Node, wanted: readonly CurrentVersion[]): Promise<void> {
    const { clock, log } = this.#context;
    const pace = this.#paceOf(store);
    const queue = [...wanted];
    let taken = 0;
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        while (!pace.take(1, clock.monotonic())) await new Promise<void>((goOn) => clock.after(PAUSE_MS, goOn));
        await this.#take(store, next);
        taken++;
        if (taken % PROGRESS_EVERY === 0) {
          log.write("info", "secret-store.filling", { store: store.name, taken, of: wanted.length });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(FETCHES_AT_ONCE, wanted.length) }, work));
  }

  #paceOf({ key }: Node): TokenBucket {
    const pace = this.#paces.get(key) ?? new TokenBucket(FETCH_PACE, this.#context.clock.monotonic());
    this.#paces.set(key, pace);
    return pace;
  }

  async #take(store: Node, current: CurrentVersion): Promise<void> {
    if (!this.#isStore()) return;
    const { log, peers } = this.#context;
    const body = encodeFetchRequest(current);
    const bytes = decodeFetchAnswer(await peers.request(store.key, FETCH_CHANNEL, body, REQUEST_TIMEOUT_MS));
    if (bytes === null) return;
    const envelope = decodeEnvelope(bytes);
    const judged = await judgeEnvelope(this.#context, envelope, current);
    if (judged.verdict === "refused") {
      const { path, version } = current;
      log.write("warn", "secret-store.value-refused", { path, version, store: store.name, reason: judged.reason });
      return;
    }
    judged.committed?.value.wipe();
    await this.keep(envelope);
  }

  #otherStores(): Node[] {
    const stores = this.#context.view().holders(SECRET_STORE);
    return stores.filter(({ id }) => id !== this.#context.self.id);
  }
}
