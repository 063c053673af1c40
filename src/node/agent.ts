import type { Complaint } from "../core/alarms/findings.ts";
import { ascii, concat, equalBytes, fromBase64Url, toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import { equalJson, type Json } from "../core/json.ts";
import type { Timer } from "../core/ports/clock.ts";
import { PeerUnreachableError } from "../core/ports/link.ts";
import type { AuditRecord, RoleDefinition } from "../core/ports/role.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import { encodeReport, type NodeReport } from "../core/report.ts";
import type { View } from "../core/view.ts";
import { authorityDigest } from "../crdt/authority-digest.ts";
import type { Admission, Growth } from "../crdt/admission.ts";
import { Replica } from "../crdt/replica.ts";
import { entryReader } from "../crdt/entry-reader.ts";
import { CLASS_AUDIT, type Entry, isObserved } from "../crdt/entry/entry.ts";
import { removalOf, removalProof, type Removal } from "../crdt/removal.ts";
import { PinAges } from "../crdt/store/pin-ages.ts";
import { hasOtherKeeper, isKeeper, readBackedUp } from "./history-keeping.ts";
import { AUDIT_RETENTION, mayBeginBefore } from "../crdt/retention.ts";
import { ReplicaExchange } from "../crdt/sync/exchange.ts";
import { RemovalNotice } from "../crdt/sync/removal-notice.ts";
import { createVoice } from "../mesh/detector/word.ts";
import { Mesh } from "../mesh/mesh.ts";
import type { AgentOptions, Identity, Platform } from "./agent-options.ts";
import { type AlarmChange, AlarmKeeper } from "./alarms/alarm-keeper.ts";
import { alarmAfterMs } from "./alarms/facts.ts";
import { observationOf, type Observation } from "./alarms/observation.ts";
import { ExposureWatch } from "./secrets/exposure-watch.ts";
import { grantLog } from "./handlers/grant-log.ts";
import { NodeDirectory } from "./directory.ts";
import { noteLoss, readLoss } from "./loss.ts";
import { ownNode } from "./own-node.ts";
import { OwnLogs } from "./home/own-logs.ts";
import { ReplicaTargeting } from "./replica-targeting.ts";
import { type Lender, openRoleContext } from "./role-context.ts";
import { RoleRunner } from "./role-runner.ts";
import { scopedDisk } from "./scoped-disk.ts";
import { SECRET_CACHE, SecretCache } from "./secrets/secret-cache.ts";
import { type Delivery, deliverEnvelope } from "./secrets/handing-to-stores.ts";
import { messagesOf } from "./telling.ts";

/** What changes while an agent runs, for whoever watches it. */
export type AgentEvent =
  | { readonly event: "growth"; readonly growth: Growth }
  | { readonly event: "peer"; readonly key: string }
  | { readonly event: "roles" }
  | { readonly event: "alarm"; readonly change: AlarmChange };

/** Where the replica's records stand on the disk. */
export const ENTRIES = "entries/";
/** Entries that came by an exchange are passed on by gossip up to this many: more is a new member that catches up. */
const PASS_ON_ENTRIES = 64;
/** When an agent has caught up, and nobody waits for it. */
const FIRST_TENDING_MS = 60_000;
const TENDING_EVERY_MS = 3_600_000;
/** Changes that come together go into one report. */
const REPORT_DELAY_MS = 50;
/**
 * So many members have to say what they know of our logs before we continue them: a store may be an old copy, and one
 * member that withholds its end would make us give a number twice.
 */
const WITNESSES = 2;
/**
 * After the first one; of the others perhaps none is there. A minute, as machines that lost power together come back
 * within one, and cuts heal: whoever is here first may have been off when we wrote last. Meanwhile what we would sign
 * waits on the disk. A log that is continued too early is frozen everywhere, for good.
 */
const OTHERS_WAIT_MS = 60_000;

/**
 * What a machine has of the entries that made it a member, and of its own logs:
 * - `none`: its disk had lost them when it started
 * - `coming`: a backup is being handed over, in parts
 * - `all`: what its disk had when it started, or what a backup brought
 */
type SelfKnowledge = "none" | "coming" | "all";

/**
 * One member of the mesh: replica, mesh, roles and cache, put together over a {@link Platform}. The same class runs on
 * machines and in the simulator. Messages change the replica; everything else follows from its view.
 */
export class Agent {
  readonly replica: Replica;
  readonly mesh: Mesh;
  readonly directory: NodeDirectory;
  readonly cache: SecretCache;
  readonly alarms: AlarmKeeper;
  readonly exposures: ExposureWatch;
  readonly targeting: ReplicaTargeting;
  readonly identity: Identity;
  /** Which member this machine is: read anew whenever it is asked. */
  readonly self: { readonly id: string; readonly key: string };
  readonly platform: Platform;
  readonly roles: readonly RoleDefinition[];
  readonly #options: AgentOptions;
  readonly #own: OwnLogs;
  readonly #runner: RoleRunner;
  readonly #exchange: ReplicaExchange;
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  #publishing: "idle" | "asked" = "idle";
  /** Members that were asked since the start, or since the disk was found to have lost something. */
  readonly #witnesses = new Set<string>();
  /** Revision of the view at the last reconcile. */
  #reconciledAt = -1;
  #life: "new" | "running" | "stopped" = "new";
  /** Wall clock of the last completed exchange with another member. */
  #asOfMs: number | null = null;
  #tending: Timer | null = null;
  #lostAtMs: number | null = null;
  #ofItself: SelfKnowledge = "none";
  #letGoNotBeforeMs = 0;
  /** What the last report that was thought of says, and its bytes. */
  #told: { readonly report: Json; readonly payload: Uint8Array } | null = null;
  readonly #pinAges: PinAges;

  constructor(options: AgentOptions) {
    const { platform, identity } = options;
    const { clock, random, disk, link, interfaces, keys, log } = platform;
    this.#options = options;
    this.platform = platform;
    this.identity = identity;
    const idOf = () => this.node;
    this.self = {
      get id() {
        return idOf();
      },
      key: link.self,
    };
    this.roles = options.roles;
    const reader = options.reader ?? entryReader(keys);
    this.replica = new Replica(keys, identity.mesh, scopedDisk(disk, ENTRIES), () => this.mayBeginBeforeMs, reader);
    this.#pinAges = new PinAges(scopedDisk(disk, ENTRIES));
    this.targeting = new ReplicaTargeting(() => this.view());
    this.#exchange = new ReplicaExchange(this.replica, keys);
    this.directory = new NodeDirectory(this.replica, link.self, options.bootstrap);
    this.#own = new OwnLogs({
      replica: this.replica,
      keys,
      clock,
      disk: scopedDisk(disk, "own/"),
      signer: identity.signer,
      node: () => this.node,
    });
    this.mesh = new Mesh({
      link,
      clock,
      random: random.fork("mesh"),
      log,
      exchange: this.#exchange,
      directory: this.directory,
      admit: (entries, from) => this.#admitGossip(entries, from),
      exchanged: (peer) => this.#exchanged(peer),
      noticeFor: (peer) => {
        const proof = removalProof(this.replica, peer);
        return proof === null ? null : new RemovalNotice(proof);
      },
      interfaces,
      moved: () => this.#requestReport(),
      voice: createVoice(keys, identity.mesh, identity.signer),
      alarmAfterMs: (key) => alarmAfterMs(this.view(), this.view().nodeByKey(key)),
    });
    this.cache = new SecretCache({
      self: this.self,
      mesh: identity.mesh,
      keys,
      clock,
      random: random.fork("secret-cache"),
      log,
      disk: scopedDisk(disk, SECRET_CACHE),
      machineKey: identity.machineKey,
      formerKeys: identity.formerKeys ?? [],
      seal: identity.seal,
      peers: this.mesh,
      view: () => this.view(),
      heads: () => this.heads(),
      catchUp: (peer) => this.#catchUp(peer),
    });
    this.exposures = new ExposureWatch({
      clock,
      log,
      view: () => this.view(),
      grants: () => grantLog({ replica: this.replica, self: this.self, opinion: (key) => this.mesh.opinion(key) }),
      changed: () => {
        this.#runner.request();
        this.alarms.request();
      },
    });
    this.alarms = new AlarmKeeper({
      clock,
      log,
      keys,
      notifier: platform.notifier,
      source: {
        replica: this.replica,
        directory: this.directory,
        self: { id: identity.node, key: link.self },
        definitions: options.roles,
        opinion: (key) => this.mesh.opinion(key),
        observation: () => this.observation(),
        ownRoles: () => this.roleReports,
        complaints: () => this.complaints,
        exposures: () => this.exposures.current,
        nowMs: () => clock.now(),
      },
      targeting: () => this.targeting.current(),
      secret: async (path) => (await this.cache.get(path)).value,
      claimsChanged: () => this.#requestReport(),
      changed: (change) => this.#emit({ event: "alarm", change }),
    });
    const lender: Lender = {
      platform,
      identity,
      self: this.self,
      directory: this.directory,
      mesh: this.mesh,
      replica: this.replica,
      own: this.#own,
      exposures: this.exposures,
      node: () => this.node,
      view: () => this.view(),
      heads: () => this.heads(),
      lostAtMs: () => this.#lostAtMs,
      audit: (record) => this.audit(record),
      catchUp: (peer) => this.#catchUp(peer),
      requestReconcile: () => this.#runner.request(),
    };
    this.#runner = new RoleRunner(
      options.roles,
      {
        context: (definition) => openRoleContext(lender, definition),
        wanted: () => this.view().nodes.get(this.node)?.roles ?? new Set(),
        isMember: () => this.view().nodes.get(this.node)?.state !== "cut",
        changed: () => {
          this.#emit({ event: "roles" });
          this.#requestReport();
        },
      },
      clock,
      log,
    );
  }

  /** Reads what the disk has; nothing is sent yet, nor written but what mends it. */
  async load(): Promise<void> {
    await this.replica.load();
    await this.#own.load();
    await this.cache.load();
    this.#lostAtMs = await readLoss(this.platform.disk, this.platform.clock.now());
  }

  /** After {@link load}. */
  async start(): Promise<void> {
    this.replica.onGrowth((growth) => this.#grew(growth));
    this.replica.onDoorChange(() => this.mesh.membershipChanged());
    this.mesh.onOpinionChange(({ key, online }) => {
      this.#emit({ event: "peer", key });
      const roles = online === "yes" ? this.view().nodeByKey(key)?.roles : undefined;
      if (roles === undefined || roles.size === 0) return;
      // What nobody gave before, this one may give now: whoever has failed for long would ask only after a minute.
      this.cache.requestReconcile();
      this.#runner.viewChanged();
    });
    this.mesh.onVerdictChange(() => this.alarms.request());
    await this.mesh.start();
    this.#life = "running";
    if (this.#isKnownHere) this.#ofItself = "all";
    this.#settleHead();
    this.exposures.request();
    this.#reconcile();
    this.#tendIn(FIRST_TENDING_MS, () => this.replica.checkBelow());
    this.alarms.start();
  }

  /** Keeps starts short, and reads once what this one did not. */
  #tendIn(delayMs: number, before: () => Promise<void> = () => Promise.resolve()): void {
    const { clock, log } = this.platform;
    this.#tending = clock.after(delayMs, () => {
      void before()
        .then(() => this.#letGo())
        .then(() => this.replica.sumUp(this.#options.summedFrom))
        .catch((error: unknown) => log.write("error", "store.untended", { error }))
        .finally(() => this.#life === "running" && this.#tendIn(TENDING_EVERY_MS));
    });
  }

  /** An audit log that begins with a record before this time was trimmed; another one was cut. */
  get mayBeginBeforeMs(): number {
    return mayBeginBefore(this.platform.clock.now(), this.#options.retention);
  }

  /** What is older than it need be, of the audit. Not by a clock that others find wrong. */
  async #letGo(): Promise<void> {
    const { clock } = this.platform;
    const { memberMs, keeperMs, everyMs } = this.#options.retention ?? AUDIT_RETENTION;
    if (clock.monotonic() < this.#letGoNotBeforeMs) return;
    if (this.complaints.some(({ kind }) => kind === "clock-off")) return;
    this.#letGoNotBeforeMs = clock.monotonic() + everyMs;
    const keepsAll = isKeeper(this.view(), this.node);
    const nowMs = clock.now();
    await this.replica.letGo((log) => nowMs - (keepsAll || log === this.node ? keeperMs : memberMs));
    await this.#dropBelow(nowMs);
  }

  /** What lies below pins that have been here for long goes where somebody else keeps it. */
  async #dropBelow(nowMs: number): Promise<void> {
    const { keeperMs, pinnedMs, everyMs } = this.#options.retention ?? AUDIT_RETENTION;
    const ids = this.replica.authority.checkpoints.map(({ index }) => this.replica.graph.at(index).entry.id);
    const heldMs = await this.#pinAges.look(ids, nowMs, 2 * Math.max(everyMs, TENDING_EVERY_MS));
    const backedUpMs = await readBackedUp(this.platform.disk, nowMs);
    const backsUp = backedUpMs !== null && nowMs - backedUpMs < keeperMs;
    const keepsWhole = backsUp || isKeeper(this.view(), this.node);
    this.replica.stated.keepWhole(keepsWhole);
    const isHeard = (key: string) => this.mesh.opinion(key).online === "yes";
    if (keepsWhole || !hasOtherKeeper(this.view(), this.node, isHeard)) return;
    await this.replica.stated.dropBelow((id) => (heldMs.get(id) ?? 0) >= pinnedMs);
  }

  async stop(): Promise<void> {
    this.#life = "stopped";
    this.#tending?.cancel();
    this.exposures.stop();
    this.alarms.stop();
    await this.#runner.stop();
    await this.cache.stop();
    await this.mesh.stop();
  }

  view(): View {
    return this.replica.view();
  }

  /** Hex of the log of the member that this machine is now. */
  get node(): string {
    return ownNode(this.view(), this.platform.link.self, this.identity.node);
  }

  /** By whose word this machine is a member no more; null while it is one. */
  get removal(): Removal | null {
    return removalOf(this.replica, this.self.key);
  }

  heads(): { authority: Uint8Array; desired: Uint8Array } {
    const { keys } = this.platform;
    return { authority: authorityDigest(keys, this.replica.graph), desired: this.replica.stateHash() };
  }

  get hasPreSharedKey(): boolean {
    return this.#options.hasPreSharedKey === true;
  }

  get release(): string {
    return this.#options.release;
  }

  get diskWarning(): string | null {
    return this.#options.diskWarning?.() ?? null;
  }

  /** What this node thinks of the others now. */
  observation(): Observation {
    return observationOf(this.mesh);
  }

  get complaints(): readonly Complaint[] {
    return this.#options.complaints?.() ?? [];
  }

  get asOfMs(): number | null {
    return this.#asOfMs;
  }

  /** Roles that run here, with their health. */
  get roleReports(): NodeReport["roles"] {
    return this.#runner.reports();
  }

  /** Takes entries from somebody at this machine; resolves when they are durable. */
  submit(entries: readonly Uint8Array[]): Promise<Admission[]> {
    return this.replica.admit(entries, "local");
  }

  async audit(record: AuditRecord): Promise<void> {
    if (this.#own.head === "unsure") this.#settleHead();
    await this.#own.audit({ ...record, timeMs: this.platform.clock.now() });
  }

  /** Hands the sealed value of a version to every store; says what each of them answered. */
  async deliverEnvelope(input: { readonly envelope: string }): Promise<Delivery[]> {
    const envelope = fromBase64Url(input.envelope);
    if (envelope === null) throw new LabError("Invalid", "the envelope is not base64url", { field: "envelope" });
    return deliverEnvelope(this.view(), this.mesh, envelope);
  }

  /** Calls `listener` on every change until the returned function is called. */
  watch(listener: (event: AgentEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: AgentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #grew(growth: Growth): void {
    if (growth.source !== "local") this.#noticeLoss(growth.entries);
    if (growth.source === "local" || (growth.source === "exchange" && growth.entries.length <= PASS_ON_ENTRIES)) {
      for (const message of messagesOf(growth.entries)) this.mesh.broadcast(message);
    }
    const reporters = growth.entries.filter(isObserved).map(({ header }) => recurringHex(header.log));
    const moved = this.directory.moved(reporters);
    if (reporters.length > 0) this.alarms.request();
    if (growth.authority) this.mesh.membershipChanged();
    else if (moved.length > 0) this.mesh.addressesChanged(moved);
    this.#emit({ event: "growth", growth });
    if (growth.authority) this.#settleHead();
    // Audit records and reports of others change nothing that anybody here acts on.
    this.exposures.grew(growth.entries, growth.authority);
    if (this.replica.revision !== this.#reconciledAt) this.#reconcile();
  }

  /** Entries of ours that we have to be told of: this disk had them once, and is of an earlier time now. */
  #noticeLoss(entries: readonly Entry[]): void {
    const { clock, disk, log, link } = this.platform;
    if (!entries.some(({ header }) => recurringHex(header.key) === link.self)) return;
    this.#lostAtMs = clock.now();
    log.write("error", "store.lost", { message: "a peer knew more of this machine's own entries than its disk" });
    noteLoss(disk, this.#lostAtMs).catch((error: unknown) => log.write("error", "loss.unwritten", { error }));
  }

  async #admitGossip(entries: readonly Uint8Array[], from: string): Promise<void> {
    const answers = await this.replica.admit(entries, "gossip");
    // Not awaited: gossip goes on while a round brings what these entries build on.
    if (answers.some(({ state }) => state === "waiting")) void this.mesh.catchUp(from);
  }

  /** A peer told us everything that it has, own entries of ours included; unless it withholds some. */
  #exchanged(peer: string): void {
    this.#asOfMs = this.platform.clock.now();
    if (this.#own.head === "sure") return;
    this.#witnesses.add(peer);
    const wanted = this.#isNew() ? 1 : Math.min(WITNESSES, this.directory.members().length);
    if (this.#witnesses.size >= wanted) void this.#becomeSure();
    else if (this.#witnesses.size === 1) this.platform.clock.after(OTHERS_WAIT_MS, () => void this.#becomeSure());
  }

  /**
   * A machine that has just joined knows one member, and others find it only by its first report. Nothing of its own
   * stands here and nothing was lost, so there is no end of a log that one member could withhold.
   */
  #isNew(): boolean {
    const { replica } = this;
    const hasSpoken = replica.observed.has(this.node) || replica.chain(this.node, CLASS_AUDIT) !== undefined;
    return !hasSpoken && this.#lostAtMs === null;
  }

  /**
   * Nobody else could know more of our logs than we do. Whoever does not know itself is not alone: it has forgotten the
   * others as well, and until all of a backup is here, the end of its own logs.
   */
  #settleHead(): void {
    if (this.directory.members().length > 0) return;
    if (!this.#isKnownHere) return;
    if (this.#ofItself === "all") void this.#becomeSure();
    if (this.#ofItself !== "none") return;
    this.#ofItself = "coming";
    this.platform.clock.after(OTHERS_WAIT_MS, () => {
      this.#ofItself = "all";
      this.#settleHead();
    });
  }

  get #isKnownHere(): boolean {
    return this.view().nodes.has(this.node);
  }

  async #becomeSure(): Promise<void> {
    if (this.#own.head === "sure" || this.#life !== "running") return;
    this.#witnesses.clear();
    try {
      await this.#own.becomeSure();
      this.#requestReport();
    } catch (error) {
      this.platform.log.write("error", "own-log.failed", { error });
    }
  }

  #reconcile(): void {
    if (this.#life !== "running") return;
    this.#reconciledAt = this.replica.revision;
    if (isKeeper(this.view(), this.node)) this.replica.stated.keepWhole(true);
    this.#runner.viewChanged();
    this.cache.requestReconcile();
    if (!this.#isReported(this.#facts())) this.#requestReport();
  }

  /** Publishes the node's report when it says something new. */
  #requestReport(): void {
    if (this.#publishing === "asked" || this.#life !== "running") return;
    this.#publishing = "asked";
    this.platform.clock.after(REPORT_DELAY_MS, () => {
      this.#publishing = "idle";
      void this.#report();
    });
  }

  async #report(): Promise<void> {
    if (this.#own.head === "unsure" || this.#life !== "running") return;
    const report = this.#facts();
    if (this.#isReported(report)) return;
    if (this.view().nodes.get(this.node)?.state !== "active") return;
    try {
      await this.#own.report(report);
    } catch (error) {
      this.platform.log.write("error", "report.failed", { error });
    }
  }

  #facts(): NodeReport {
    return {
      release: this.#options.release,
      addresses: [...this.platform.link.addresses()],
      roles: this.#runner.reports(),
      os: this.#options.os,
      arch: this.#options.arch,
      alarms: this.alarms.claims(),
    };
  }

  /** Whether this is what the mesh has from this node. */
  #isReported(report: NodeReport): boolean {
    const known = this.replica.observed.get(this.node);
    if (known?.state !== "record") return false;
    // Asked whenever the view changes, and mostly about the same.
    const said = report as unknown as Json;
    if (this.#told === null || !equalJson(this.#told.report, said)) {
      this.#told = { report: said, payload: encodeReport(report) };
    }
    return equalBytes(known.entry.payload, this.#told.payload);
  }

  async #catchUp(peer: string): Promise<void> {
    if ((await this.mesh.catchUp(peer)) === null) throw new PeerUnreachableError(peer, "it does not say what it knows");
  }
}

/** Digest of all observed records: equal on peers that have heard the same. */
export function observedHash(agent: Agent): string {
  const parts = [...agent.replica.observed]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([log, observed]) => {
      return ascii(`${log} ${observed.state === "record" ? observed.entry.id : "forked"}\n`);
    });
  return toHex(agent.platform.keys.hash(concat(...parts)));
}
