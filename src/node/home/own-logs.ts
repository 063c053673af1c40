import { encodeAudit, type TimedAuditRecord } from "../../core/audit.ts";
import { fromHex } from "../../core/bytes.ts";
import { HLC_MAX_AHEAD_MS, HLC_ZERO, type Hlc, mergeHlc, nextHlc } from "../../core/hlc.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Disk } from "../../core/ports/disk.ts";
import type { Keys, Signer } from "../../core/ports/keys.ts";
import { secretVersionPath } from "../../core/paths.ts";
import type { GeneratedVersion, KeepVersion, Redemption } from "../../core/ports/role.ts";
import { encodeReport, type NodeReport } from "../../core/report.ts";
import { composeAuthority, composeLink, composeObserved, positionIn } from "../../crdt/compose.ts";
import { CLASS_AUDIT, CLASS_GENERATED } from "../../crdt/entry/entry.ts";
import { DocumentCursor } from "../../crdt/ledger/document-cursor.ts";
import { authorityDigest } from "../../crdt/authority-digest.ts";
import type { Replica } from "../../crdt/replica.ts";

/**
 * Whether this agent may continue its own logs:
 * - `unsure`: just started, or this disk has lost something since; a peer might know entries of ours that are not here any
 *   more, and to continue would be a fork
 * - `sure`: a peer was asked, or there is no other member
 */
export type HeadState = "unsure" | "sure";

const PENDING = "pending-audit/";

interface Asked {
  readonly payload: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** What the node itself signs: its audit log, its observed record, and as a coordinator redemptions. */
export class OwnLogs {
  readonly #replica: Replica;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #signer: Signer;
  readonly #node: () => string;
  /** What the replica had lost when somebody last said what he knows of our logs; null before that. */
  #sureWith: readonly string[] | null = null;
  #latest: Hlc = HLC_ZERO;
  /** Audit records that wait for a sure head, in order; on disk, too, so that a crash forgets no denial. */
  #pending: { readonly key: string; readonly payload: Uint8Array }[] = [];
  #pendingCount = 0;
  /** Audit records of which none is written yet. */
  readonly #asked: Asked[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: {
    replica: Replica;
    keys: Keys;
    clock: Clock;
    disk: Disk;
    signer: Signer;
    /** Hex of the log of the node that this machine is now. */
    node: () => string;
  }) {
    this.#replica = options.replica;
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#disk = options.disk;
    this.#signer = options.signer;
    this.#node = options.node;
  }

  get head(): HeadState {
    return this.#sureWith === this.#replica.damaged ? "sure" : "unsure";
  }

  async load(): Promise<void> {
    const records = await this.#disk.scan(PENDING);
    this.#pending = records.map(({ key, value }) => ({ key, payload: value }));
    this.#pendingCount = records.length === 0 ? 0 : Number(records.at(-1)?.key.slice(PENDING.length)) + 1;
  }

  /** From now on own logs are continued; what waited is signed. */
  async becomeSure(): Promise<void> {
    if (this.head === "sure") return;
    this.#sureWith = this.#replica.damaged;
    await this.#exclusive(() => this.#signPending());
  }

  /** Durable when it resolves, signed as soon as the head is sure. */
  audit(record: TimedAuditRecord): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#asked.push({ payload: encodeAudit(record), resolve, reject });
    void this.#exclusive(() => this.#tellAsked());
    return promise;
  }

  /** All that was asked for while something else was written: one sync for as many as there are. */
  async #tellAsked(): Promise<void> {
    const asked = this.#asked.splice(0);
    if (asked.length === 0) return;
    try {
      await this.#tell(asked.map(({ payload }) => payload));
      for (const { resolve } of asked) resolve();
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  async #tell(payloads: readonly Uint8Array[]): Promise<void> {
    if (this.head === "sure" && this.#pending.length === 0) return this.#signAudit(payloads);
    const pending = payloads.map((payload) => {
      const key = `${PENDING}${String(this.#pendingCount++).padStart(12, "0")}`;
      return { key, payload };
    });
    await this.#disk.append(
      pending.map(({ key, payload }) => ({ key, value: payload })),
      true,
    );
    this.#pending.push(...pending);
    if (this.head === "sure") await this.#signPending();
  }

  /** Publishes a new version of the node's report; nothing while the head is unsure: the caller comes again. */
  async report(report: NodeReport): Promise<void> {
    if (this.head === "unsure") return;
    await this.#exclusive(async () => {
      const known = this.#replica.observed.get(this.#node());
      const seq = known?.state === "record" ? known.entry.header.seq + 1 : 1;
      const position = { mesh: this.#replica.mesh, log: this.#log(), seq, hlc: this.#tick() };
      await this.#admit([composeObserved(this.#keys, position, encodeReport(report), this.#signer).bytes]);
    });
  }

  /** Signs a redemption into the coordinator's role log. */
  async redeem(roleLog: string, redemption: Redemption): Promise<void> {
    await this.#exclusive(async () => {
      const position = positionIn(this.#replica.graph, this.#replica.mesh, fromHex(roleLog) as Uint8Array);
      const entry = composeAuthority(
        this.#keys,
        position,
        {
          type: "redeem",
          token: fromHex(redemption.token) as Uint8Array,
          key: redemption.key,
          name: redemption.name,
          seal: redemption.seal,
          proof: redemption.proof,
          at: this.#clock.now(),
        },
        this.#signer,
      );
      await this.#admit([entry.bytes]);
    });
  }

  /**
   * Signs versions of secrets into a store's role log. False while the head is unsure: an entry that somebody else
   * knows already would be a fork, and nothing behind it would count.
   */
  async generate(roleLog: string, versions: readonly GeneratedVersion[], keep: KeepVersion): Promise<boolean> {
    if (this.head === "unsure") return false;
    await this.#exclusive(async () => {
      const log = fromHex(roleLog) as Uint8Array;
      const chain = this.#replica.chain(roleLog, CLASS_GENERATED);
      const tip = chain?.main.at(-1) ?? null;
      const cursor = chain?.documentAt(tip) ?? new DocumentCursor(this.#keys, log);
      const head = tip === null ? null : { seq: tip.entry.header.seq, hash: tip.entry.hash };
      if (tip !== null) this.#latest = mergeHlc(this.#latest, tip.entry.header.hlc, Number.POSITIVE_INFINITY);
      const hlc = this.#tick();
      const view = this.#replica.view();
      const writes = versions.map(({ path, metadata }) => {
        const place = secretVersionPath(path);
        return { path: place, value: metadata, over: view.othersAt(place, roleLog) };
      });
      const seen = authorityDigest(this.#keys, this.#replica.graph);
      const position = { mesh: this.#replica.mesh, log, class: CLASS_GENERATED, head, hlc, seen, more: 0 };
      const entry = composeLink(this.#keys, position, cursor.encode(writes, hlc), this.#signer);
      await keep(entry.id);
      await this.#admit([entry.bytes]);
    });
    return true;
  }

  async #signPending(): Promise<void> {
    const pending = this.#pending;
    if (pending.length === 0) return;
    await this.#signAudit(pending.map(({ payload }) => payload));
    this.#pending = [];
    // A crash before this line signs them twice: an act that is told twice is better than one that is not.
    await this.#disk.remove(
      pending.map(({ key }) => key),
      true,
    );
  }

  async #signAudit(payloads: readonly Uint8Array[]): Promise<void> {
    const tip = this.#replica.chain(this.#node(), CLASS_AUDIT)?.main.at(-1)?.entry;
    let head = tip === undefined ? null : { seq: tip.header.seq, hash: tip.hash };
    if (tip !== undefined) this.#latest = mergeHlc(this.#latest, tip.header.hlc, Number.POSITIVE_INFINITY);
    const seen = authorityDigest(this.#keys, this.#replica.graph);
    const entries: Uint8Array[] = [];
    for (const payload of payloads) {
      const position = {
        mesh: this.#replica.mesh,
        log: this.#log(),
        class: CLASS_AUDIT,
        head,
        hlc: this.#tick(),
        seen,
      };
      const entry = composeLink(this.#keys, { ...position, more: 0 }, payload, this.#signer);
      head = { seq: entry.header.seq, hash: entry.hash };
      entries.push(entry.bytes);
    }
    await this.#admit(entries);
  }

  #log(): Uint8Array {
    return fromHex(this.#node()) as Uint8Array;
  }

  #tick(): Hlc {
    const now = this.#clock.now();
    this.#latest = nextHlc(mergeHlc(this.#latest, this.#replica.newestUntil(now + HLC_MAX_AHEAD_MS), now), now);
    return this.#latest;
  }

  async #admit(entries: readonly Uint8Array[]): Promise<void> {
    for (const answer of await this.#replica.admit(entries, "local")) {
      if (answer.state !== "admitted") throw new Error(`own entry ${answer.state}: ${answer.reason ?? "no reason"}`);
    }
  }

  /** One at a time: each entry names the one before. */
  async #exclusive(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    await turn;
  }
}
