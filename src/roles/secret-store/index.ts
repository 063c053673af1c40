import { equalBytes } from "../../core/bytes.ts";
import { LabError, SealBrokenError } from "../../core/errors.ts";
import { MalformedError } from "../../core/encoding.ts";
import { isSecretPath } from "../../core/names.ts";
import type { AuditRecord, Role, RoleContext, RoleDefinition } from "../../core/ports/role.ts";
import { type PassOutcome, RepeatedPass } from "../../core/repeated-pass.ts";
import { inAskingOrder } from "../../core/secrets/asking-order.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, openEnvelope, rewrap } from "../../core/secrets/envelope.ts";
import { freshnessChannel, freshnessHandler } from "../../core/secrets/freshness.ts";
import {
  decodeFetchAnswer,
  decodeFetchRequest,
  decodeGetRequest,
  decodeHeldPage,
  decodeListRequest,
  encodeFetchAnswer,
  encodeFetchRequest,
  encodeGetAnswer,
  encodeHeldPage,
  encodeListRequest,
  encodePutAnswer,
  encodeServed,
  FETCH_CHANNEL,
  type GetAnswer,
  GET_CHANNEL,
  type GetRequest,
  type HeldVersion,
  LIST_CHANNEL,
  PAGE_VERSIONS,
  PUT_CHANNEL,
} from "../../core/secrets/messages.ts";
import { isStrict, SECRET_STORE, storeRecipients } from "../../core/secrets/policy.ts";
import {
  checkCommitment,
  type Committed,
  type CurrentVersion,
  currentVersion,
  currentVersions,
  STORE_CLASS,
} from "../../core/secrets/version.ts";
import type { Node } from "../../core/view.ts";
import { compareHeld, Dataset } from "./dataset.ts";
import { FreshnessLease } from "./lease.ts";
import { planServing } from "./serving.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** A store that loses its label waits no longer than this for the others to say what they hold. */
const COVER_TIMEOUT_MS = 2000;
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 60_000;
/** Also the grain in which the lease is looked after. */
const REST_MS = 60_000;

/**
 * Keeps every secret, sealed, and serves each member what the policy of its view grants. Stores fill each other; no
 * store can invent a value, as every reader holds it against what its writer signed.
 */
class SecretStore implements Role {
  readonly #context: RoleContext;
  readonly #dataset: Dataset;
  readonly #lease: FreshnessLease;
  readonly #passes: RepeatedPass;
  #life: "serving" | "stopped" = "serving";
  /** Revision of the view that the dataset was last brought in line with. */
  #settledAt = -1;

  constructor(context: RoleContext) {
    this.#context = context;
    this.#dataset = new Dataset(context.disk);
    this.#lease = new FreshnessLease(context);
    this.#passes = new RepeatedPass({
      clock: context.clock,
      run: () => this.#pass(),
      failed: (error) => context.log.write("warn", "secret-store.pass-failed", { error }),
      retryFirstMs: RETRY_FIRST_MS,
      retryMostMs: RETRY_MOST_MS,
      restMs: REST_MS,
    });
  }

  async start(): Promise<void> {
    const damaged = await this.#dataset.load();
    if (damaged > 0) this.#context.log.write("error", "secret-store.damaged-records", { damaged });
    const { handle } = this.#context;
    handle(GET_CHANNEL, (peer, body) => this.#whileServing(() => this.#get(peer, body)));
    handle(PUT_CHANNEL, (peer, body) => this.#whileServing(() => this.#put(peer, body)));
    handle(LIST_CHANNEL, (_peer, body) => this.#whileServing(async () => this.#list(body)));
    handle(FETCH_CHANNEL, (peer, body) => this.#whileServing(() => this.#fetch(peer, body)));
    handle(freshnessChannel(SECRET_STORE), freshnessHandler(this.#context));
  }

  /** Network takes its time, and the agent waits for this to resolve: the work is done beside it. */
  async reconcile(): Promise<void> {
    this.#passes.request();
  }

  async stop(reason: "label-removed" | "agent-stops"): Promise<void> {
    this.#life = "stopped";
    this.#passes.stop();
    if (reason === "label-removed") await this.#leave();
  }

  // A value that was on its way out when the label went is not sent any more.
  async #whileServing(answer: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#requireServing();
    const bytes = await answer();
    this.#requireServing();
    return bytes;
  }

  #requireServing(): void {
    if (this.#life === "stopped") throw new LabError("Failed", "this machine is no secret store any more");
  }

  // Serving

  async #get(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const request = decodeGetRequest(body);
    if (!this.#knowsAll(request)) await this.#catchUp(peer);
    await this.#lease.seek();
    return encodeGetAnswer(await this.#serve(peer, request.path));
  }

  #knowsAll({ authority, desired }: GetRequest): boolean {
    const heads = this.#context.heads();
    return equalBytes(heads.authority, authority) && equalBytes(heads.desired, desired);
  }

  async #serve(peer: string, path: string): Promise<GetAnswer> {
    const plan = planServing(this.#context.view(), peer, path, this.#lease.state);
    const object = isSecretPath(path) ? path : "(not a path)";
    const record = { actor: this.#nameOf(peer), action: "secret.read", object };
    if (plan.verdict === "refuse") {
      await this.#context.audit({ ...record, decision: "denied", reason: plan.reason });
      return { state: plan.state };
    }
    const { current, vouched } = plan;
    const committed = await this.#open(current);
    if (committed === null) {
      await this.#context.audit({ ...record, decision: "denied", reason: "this store does not hold the value" });
      return { state: "missing" };
    }
    const served = encodeServed({ path, version: current.version, ...committed });
    try {
      const { seal } = this.#context.view().nodeByKey(peer) as Node;
      const sealed = await this.#context.keys.seal([seal], served);
      await this.#grant({ ...record, decision: "allowed", reason: vouched === "unvouched" ? "unvouched" : "" });
      return { state: "value", sealed, vouched };
    } finally {
      served.wipe();
      committed.value.wipe();
    }
  }

  /** The grant is on record before the value is out; where that fails, a full disk must not take every secret away. */
  async #grant(record: AuditRecord): Promise<void> {
    try {
      await this.#context.audit(record);
    } catch (error) {
      if (isStrict(this.#context.view(), record.object)) throw error;
      this.#context.log.write("error", "secret-store.not-audited", { ...record, error });
    }
  }

  /** The value of the current version, or null if this store does not hold it in good order. */
  async #open(current: CurrentVersion): Promise<Committed | null> {
    const envelope = await this.#dataset.read(current);
    if (envelope === undefined) return null;
    const opened = await this.#judge(envelope, current);
    if ("committed" in opened) return opened.committed;
    this.#context.log.write("error", "secret-store.damaged-value", { ...heldOf(current), reason: opened.refused });
    await this.#dataset.drop(current);
    this.#settledAt = -1;
    this.#passes.request();
    return null;
  }

  // Taking in

  async #put(peer: string, body: Uint8Array): Promise<Uint8Array> {
    let object = "(not an envelope)";
    let refused: string | null;
    try {
      const envelope = decodeEnvelope(body);
      object = envelope.path;
      refused = await this.#admit(envelope, peer);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      refused = error.message;
    }
    const decision = refused === null ? ("allowed" as const) : ("denied" as const);
    const actor = this.#nameOf(peer);
    await this.#context.audit({ actor, action: "secret.store", object, decision, reason: refused ?? "" });
    return encodePutAnswer(refused === null ? { stored: true } : { stored: false, reason: refused });
  }

  /** Null once the envelope is durable here, else why it is not taken. */
  async #admit(envelope: Envelope, from: string): Promise<string | null> {
    const { clock } = this.#context;
    let current = currentVersion(this.#context.view(), envelope.path);
    // Whoever has a version made after a revocation has the revocation, too.
    if (current?.version !== envelope.version || !this.#knowsAuthority(current.metadata.heads)) {
      await this.#catchUp(from);
      current = currentVersion(this.#context.view(), envelope.path);
    }
    if (current?.version !== envelope.version) return "this is not the secret's current version";
    if (this.#dataset.has(envelope)) return null;
    const opened = await this.#judge(envelope, current);
    if ("refused" in opened) return opened.refused;
    opened.committed.value.wipe();
    await this.#dataset.add(envelope, clock.now());
    return null;
  }

  /** Opens an envelope and holds its content against what the writer of the version signed. */
  async #judge(envelope: Envelope, current: CurrentVersion): Promise<{ committed: Committed } | { refused: string }> {
    const { keys, mesh, seal } = this.#context;
    if (envelope.class !== current.metadata.class)
      return { refused: "its class is not the one that its writer signed" };
    if (envelope.class !== STORE_CLASS)
      return { refused: `this release keeps no secrets of class "${envelope.class}"` };
    try {
      const committed = await openEnvelope(keys, seal, mesh, envelope);
      if (committed === null) return { refused: "it is not sealed to this store" };
      if (checkCommitment(keys, mesh, current, committed)) return { committed };
      committed.value.wipe();
      return { refused: "it is not the value that its writer signed" };
    } catch (error) {
      if (error instanceof SealBrokenError || error instanceof MalformedError) return { refused: error.message };
      throw error;
    }
  }

  // Other stores

  #list(body: Uint8Array): Uint8Array {
    const after = decodeListRequest(body);
    const rest = this.#dataset.list().filter((held) => after === null || compareHeld(held, after) > 0);
    return encodeHeldPage({ held: rest.slice(0, PAGE_VERSIONS), more: rest.length > PAGE_VERSIONS });
  }

  async #fetch(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const wanted = decodeFetchRequest(body);
    const requester = this.#context
      .view()
      .holders(SECRET_STORE)
      .find(({ key }) => key === peer);
    if (requester === undefined) {
      const record = { actor: this.#nameOf(peer), action: "secret.replicate", object: wanted.path };
      await this.#context.audit({ ...record, decision: "denied", reason: "no secret store" });
      throw new LabError("NotAuthorised", "only secret stores replicate secrets");
    }
    let envelope = await this.#dataset.read(wanted);
    if (envelope !== undefined && !envelope.recipients.includes(requester.seal))
      envelope = await this.#rewrap(envelope);
    return encodeFetchAnswer(envelope === undefined ? null : encodeEnvelope(envelope));
  }

  /** One pass of upkeep: the lease, what this store lacks, whom it is sealed to. */
  async #pass(): Promise<PassOutcome> {
    const [, outcome] = await Promise.all([this.#lease.renew(), this.#bringInLine()]);
    return outcome;
  }

  async #bringInLine(): Promise<PassOutcome> {
    const { revision } = this.#context.view();
    if (revision === this.#settledAt) return "settled";
    await this.#fill();
    for (const held of this.#dataset.wrappedOtherwise(storeRecipients(this.#context.view()))) {
      if (this.#life === "stopped") return "settled";
      const envelope = await this.#dataset.read(held);
      if (envelope !== undefined) await this.#rewrap(envelope);
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

  /** Takes from the other stores what this one lacks. */
  async #fill(): Promise<void> {
    for (const store of inAskingOrder(this.#otherStores(), this.#context.peers, this.#context.random)) {
      const lacking = this.#lacking();
      if (lacking.length === 0 || this.#life === "stopped") return;
      try {
        const held = new Set((await this.#heldBy(store, REQUEST_TIMEOUT_MS)).map(({ version }) => version));
        for (const current of lacking) if (held.has(current.version)) await this.#take(store, current);
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        this.#context.log.write("debug", "secret-store.store-not-asked", { store: store.name, error });
      }
    }
  }

  async #take(store: Node, current: CurrentVersion): Promise<void> {
    if (this.#life === "stopped") return;
    const { clock, log, peers } = this.#context;
    const body = encodeFetchRequest(current);
    const bytes = decodeFetchAnswer(await peers.request(store.key, FETCH_CHANNEL, body, REQUEST_TIMEOUT_MS));
    if (bytes === null) return;
    const envelope = decodeEnvelope(bytes);
    const isAsked = envelope.path === current.path && envelope.version === current.version;
    const opened = isAsked ? await this.#judge(envelope, current) : { refused: "it is not what was asked for" };
    if ("refused" in opened) {
      log.write("warn", "secret-store.value-refused", {
        ...heldOf(current),
        store: store.name,
        reason: opened.refused,
      });
      return;
    }
    opened.committed.value.wipe();
    await this.#dataset.add(envelope, clock.now());
  }

  async #heldBy(store: Node, timeoutMs: number): Promise<HeldVersion[]> {
    const held: HeldVersion[] = [];
    for (let after: HeldVersion | null = null; ; ) {
      const body = encodeListRequest(after);
      const page = decodeHeldPage(await this.#context.peers.request(store.key, LIST_CHANNEL, body, timeoutMs));
      held.push(...page.held);
      const last: HeldVersion | undefined = page.held.at(-1);
      // A page that does not lead further would be asked for again for ever.
      if (!page.more || last === undefined || (after !== null && compareHeld(last, after) <= 0)) return held;
      after = last;
    }
  }

  async #rewrap(envelope: Envelope): Promise<Envelope | undefined> {
    const { keys, random, mesh, seal, view } = this.#context;
    try {
      const wrapped = await rewrap({ keys, random }, seal, mesh, envelope, storeRecipients(view()));
      if (wrapped !== null) await this.#dataset.replace(wrapped);
      return wrapped ?? undefined;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.#context.log.write("error", "secret-store.damaged-value", { ...heldOf(envelope), reason: error.message });
      await this.#dataset.drop(envelope);
      return undefined;
    }
  }

  /** Forgets everything if another store holds all current values, else keeps it, sealed as it is. */
  async #leave(): Promise<void> {
    const { log, view } = this.#context;
    const wanted = currentVersions(view()).filter((current) => this.#dataset.has(current));
    const others = this.#otherStores();
    try {
      const heir =
        wanted.length === 0 ? null : await Promise.any(others.map((store) => this.#coveredBy(store, wanted)));
      await this.#dataset.forget();
      log.write("info", "secret-store.forgotten", { heir: heir?.name ?? null });
    } catch (error) {
      const causes = error instanceof AggregateError ? error.errors.map(String) : [String(error)];
      const reason =
        others.length === 0 ? "no other machine is a secret store" : "no other store confirmed to hold all";
      log.write("warn", "secret-store.kept", { values: wanted.length, reason, causes });
    }
  }

  async #coveredBy(store: Node, wanted: readonly HeldVersion[]): Promise<Node> {
    const held = new Set(
      (await this.#heldBy(store, COVER_TIMEOUT_MS)).map(({ version, path }) => `${path}@${version}`),
    );
    const lacks = wanted.filter(({ version, path }) => !held.has(`${path}@${version}`)).length;
    if (lacks > 0) throw new LabError("Failed", `${store.name} lacks ${lacks} of ${wanted.length}`);
    return store;
  }

  #otherStores(): Node[] {
    const { self, view } = this.#context;
    return view()
      .holders(SECRET_STORE)
      .filter(({ id }) => id !== self.id);
  }

  #knowsAuthority(heads: Uint8Array): boolean {
    return equalBytes(heads, this.#context.heads().authority);
  }

  async #catchUp(peer: string): Promise<void> {
    if (peer !== this.#context.self.key) await this.#context.catchUp(peer);
  }

  #nameOf(peer: string): string {
    return `node:${this.#context.view().nodeByKey(peer)?.name ?? peer.slice(0, 12)}`;
  }
}

function heldOf({ path, version }: HeldVersion): HeldVersion {
  return { path, version };
}

export const secretStore: RoleDefinition = {
  name: SECRET_STORE,
  missingEffect: "no secret can be set, and machines have those only that they keep themselves",
  create: (context) => new SecretStore(context),
};
