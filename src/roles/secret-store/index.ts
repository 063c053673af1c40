import { equalBytes } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { isSecretPath } from "../../core/names.ts";
import type { AuditRecord, Role, RoleContext, RoleDefinition } from "../../core/ports/role.ts";
import { type PassOutcome, RepeatedPass } from "../../core/repeated-pass.ts";
import { decodeEnvelope, type Envelope } from "../../core/secrets/envelope.ts";
import { freshnessChannel, freshnessHandler, type Heads } from "../../core/secrets/freshness.ts";
import {
  CENSUS_CHANNEL,
  decodeFetchRequest,
  decodeGetRequest,
  encodeGetAnswer,
  encodePutAnswer,
  encodeServed,
  FETCH_CHANNEL,
  type GetAnswer,
  GET_CHANNEL,
  type GetRequest,
  type HeldVersion,
  LIST_CHANNEL,
  PUT_CHANNEL,
  RESTORE_CHANNEL,
} from "../../core/secrets/messages.ts";
import {
  CHALLENGE_CHANNEL,
  type CarriedRead,
  decodeCarriedRead,
  encodeChallengeAnswer,
  READ_CHANNEL,
  signReadAnswer,
} from "../../core/secrets/operator-read.ts";
import { READ_ACTION, REPLICATE_ACTION, STORE_ACTION } from "../../core/secrets/grant-log.ts";
import { isStrict, SECRET_STORE, storeRecipients } from "../../core/policy/entitlement.ts";
import { type Committed, type CurrentVersion, keptVersions } from "../../core/secrets/version.ts";
import { Arrivals } from "./arrivals.ts";
import { Challenges } from "./challenges.ts";
import { Copies } from "./copies.ts";
import { Dataset } from "./dataset.ts";
import { judgeEnvelope } from "./judge.ts";
import { FreshnessLease } from "./lease.ts";
import { judgeAsking } from "./operator-reads.ts";
import { clearRemains } from "./remains.ts";
import { Replication } from "./replication.ts";
import { RequestLog } from "./request-log.ts";
import { Rotations } from "./rotation.ts";
import { planServing, type Reader } from "./serving.ts";

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
  readonly #requests: RequestLog;
  readonly #challenges: Challenges;
  readonly #arrivals: Arrivals;
  readonly #replication: Replication;
  readonly #rotations: Rotations;
  readonly #copies: Copies | null;
  readonly #passes: RepeatedPass;
  #life: "running" | "stopped" = "running";

  constructor(context: RoleContext) {
    this.#context = context;
    this.#dataset = new Dataset(context, () => storeRecipients(context.view()));
    this.#lease = new FreshnessLease(context);
    this.#requests = new RequestLog(context);
    this.#challenges = new Challenges(context);
    this.#arrivals = new Arrivals(context.clock);
    this.#replication = new Replication({ context, dataset: this.#dataset, isStore: () => this.#isStore() });
    this.#rotations = new Rotations(context, this.#dataset, () => this.#passes.request());
    const [dataset, requests, tree] = [this.#dataset, this.#requests, context.secretCopies];
    this.#copies = tree && new Copies({ context, tree, dataset, requests, isStore: () => this.#isStore() });
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
    await this.#rotations.load();
    const context = this.#context;
    context.handle(GET_CHANNEL, (peer, body) => this.#asStore(() => this.#get(peer, body)));
    context.handle(READ_CHANNEL, (peer, body) => this.#asStore(() => this.#read(peer, body)));
    context.handle(CHALLENGE_CHANNEL, (peer) =>
      this.#asStore(async () => encodeChallengeAnswer(this.#challenges.give(peer))),
    );
    context.handle(PUT_CHANNEL, (peer, body) => this.#asStore(() => this.#put(peer, body)));
    context.handle(LIST_CHANNEL, (_peer, body) => this.#asStore(async () => this.#replication.list(body)));
    context.handle(CENSUS_CHANNEL, () => this.#asStore(async () => this.#replication.census(this.#lease.state)));
    context.handle(RESTORE_CHANNEL, (peer, body) => this.#asStore(() => this.#restore(peer, body)));
    context.handle(FETCH_CHANNEL, (peer, body) => this.#asStore(() => this.#fetch(peer, body)));
    context.handle(freshnessChannel(SECRET_STORE), freshnessHandler(context));
  }

  /** The network takes its time, and the agent waits for this to resolve: the work is done beside it. */
  async reconcile(): Promise<void> {
    this.#passes.request();
    this.#copies?.request();
    const behind = this.#copies?.failure ?? null;
    if (behind !== null) throw new LabError("Failed", behind);
  }

  async stop(): Promise<void> {
    this.#life = "stopped";
    this.#passes.stop();
    this.#rotations.stop();
    await this.#copies?.stop();
    await this.#settleRequests("all");
    this.#dataset.close();
  }

  async #pass(): Promise<PassOutcome> {
    const [filled] = await Promise.all([
      this.#replication.bringInLine(),
      this.#lease.renew(),
      this.#settleRequests("ended"),
    ]);
    if (!this.#isStore()) return filled;
    const rotated = await this.#rotations.run();
    this.#copies?.request();
    // A signer may not be up yet when the view names it: soon again.
    if (this.#lease.state === "unvouched") return "unsettled";
    return filled === "settled" ? rotated : filled;
  }

  async #settleRequests(which: "ended" | "all"): Promise<void> {
    try {
      await this.#requests.settle(which);
    } catch (error) {
      this.#context.log.write("error", "secret-store.not-audited", { error });
    }
  }

  /** What was on its way out when the label went is not sent any more. */
  async #asStore(answer: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#requireStore();
    const bytes = await answer();
    this.#requireStore();
    return bytes;
  }

  #requireStore(): void {
    if (!this.#isStore()) throw new LabError("Failed", "this machine is no secret store any more");
  }

  // By the view, not by the call of stop: the agent may be a moment behind it.
  #isStore(): boolean {
    const stores = this.#context.view().holders(SECRET_STORE);
    return this.#life === "running" && stores.some(({ id }) => id === this.#context.self.id);
  }

  async #get(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const request = decodeGetRequest(body);
    await this.#becomeCurrent(peer, request);
    const node = this.#context.view().nodeByKey(peer);
    if (node === undefined) throw new LabError("NotAuthorised", "only members are served");
    return encodeGetAnswer(await this.#serve(peer, { kind: "member", node }, request));
  }

  /** An operator asks, by a member that may itself have nothing. */
  async #read(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const carried = decodeCarriedRead(body);
    const challenge = this.#challenges.take(peer, carried.read.challenge) ? "open" : "unknown";
    await this.#becomeCurrent(peer, carried);
    const answer = encodeGetAnswer(await this.#serveOperator(peer, carried, challenge));
    return signReadAnswer(this.#context.keys, this.#context.signer, carried.bytes, answer);
  }

  /** A view that lacks what the requester knows gives no answer (`trust.md` I18). */
  async #becomeCurrent(peer: string, request: Heads): Promise<void> {
    if (!this.#knowsAll(request)) await this.#catchUp(peer);
    await this.#lease.seek();
  }

  async #serveOperator(peer: string, carried: CarriedRead, challenge: "open" | "unknown"): Promise<GetAnswer> {
    const asking = judgeAsking(this.#context, carried, challenge);
    const { path, recipient } = carried.read;
    if (asking.verdict === "proven") {
      return this.#serve(peer, { kind: "operator", operator: asking.operator, recipient }, { path });
    }
    const record = { actor: this.#nameOf(peer), action: READ_ACTION, object: objectOf(path) };
    await this.#requests.refused(peer, { ...record, decision: "denied", reason: asking.reason });
    return { state: "none" };
  }

  async #serve(
    peer: string,
    reader: Reader,
    { path, version }: Pick<GetRequest, "path" | "version">,
    patience: "waits" | "waited" = "waits",
  ): Promise<GetAnswer> {
    const asked = { path, version, vouched: this.#lease.state, nowMs: this.#context.clock.now() };
    const plan = planServing(this.#context.view(), reader, asked);
    const record = { actor: this.#actorOf(reader), action: READ_ACTION, object: objectOf(path) };
    if (plan.verdict === "refuse") {
      await this.#requests.refused(peer, { ...record, decision: "denied", reason: plan.reason });
      return { state: plan.state };
    }
    const { wanted, recipient, vouched } = plan;
    const content = await this.#open(wanted);
    if (content === null) {
      // Neither given nor refused: whoever hears of a version may well ask before its envelope is here.
      if (patience === "waited" || !(await this.#isBrought(wanted))) return { state: "missing" };
      // Judged anew: what was granted before the wait may have been taken.
      return this.#serve(peer, reader, { path, version }, "waited");
    }
    const served = encodeServed({ path, version: wanted.version, content });
    try {
      const sealed = await this.#context.keys.seal([recipient], served);
      const reason = vouched === "unvouched" ? "unvouched" : "";
      const facts = { ...this.#factsOf(peer, reader), version: wanted.version };
      await this.#grant({ ...record, decision: "allowed", reason, facts });
      return { state: "value", sealed, vouched };
    } finally {
      served.wipe();
      if ("value" in content) content.value.wipe();
    }
  }

  async #isBrought(wanted: CurrentVersion): Promise<boolean> {
    return (await this.#arrivals.of(wanted)) || this.#dataset.has(wanted);
  }

  #actorOf(reader: Reader): string {
    return reader.kind === "member" ? this.#nameOf(reader.node.key) : `operator:${reader.operator.name}`;
  }

  #factsOf(peer: string, reader: Reader): Readonly<Record<string, string>> {
    if (reader.kind === "member") return { node: reader.node.id };
    const through = this.#context.view().nodeByKey(peer)?.id;
    return { operator: reader.operator.key, ...(through === undefined ? {} : { through }) };
  }

  /** The grant is on record before the value is out; but a full disk must not take every secret away. */
  async #grant(record: AuditRecord): Promise<void> {
    try {
      await this.#requests.allowed(record);
    } catch (error) {
      if (isStrict(this.#context.view(), record.object)) throw error;
      this.#requests.owe(record);
      this.#context.log.write("error", "secret-store.not-audited", { ...record, error });
    }
  }

  /** What this store holds of the current version; null if it does not, or not in good order. */
  async #open(current: CurrentVersion): Promise<Committed | Envelope | null> {
    const envelope = await this.#dataset.read(current);
    if (envelope === undefined) return null;
    const judged = await judgeEnvelope(this.#context, envelope, current);
    if (judged.verdict === "good") return judged.committed ?? envelope;
    const { path, version } = current;
    this.#context.log.write("error", "secret-store.damaged-value", { path, version, reason: judged.reason });
    await this.#dataset.drop(current);
    this.#replication.unsettle();
    this.#passes.request();
    return null;
  }

  async #put(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const actor = this.#nameOf(peer);
    let record = { actor, action: STORE_ACTION, object: "(not an envelope)", facts: {} };
    let refused: string | null;
    try {
      const envelope = decodeEnvelope(body);
      record = { ...record, object: envelope.path, facts: { version: envelope.version } };
      refused = await this.#admit(envelope, peer);
      if (refused === null) this.#arrivals.came(envelope.version);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      refused = error.message;
    }
    if (refused === null) await this.#requests.allowed({ ...record, decision: "allowed", reason: "" });
    else await this.#requests.refused(peer, { ...record, decision: "denied", reason: refused });
    return encodePutAnswer(refused === null ? { stored: true } : { stored: false, reason: refused });
  }

  /** Null once the envelope is durable here, else why it is not taken. */
  async #admit(envelope: Envelope, from: string): Promise<string | null> {
    const known = await this.#know(envelope, from);
    if (known === null) return "this is no version of the secret that is kept";
    if (this.#dataset.has(envelope)) return null;
    const judged = await judgeEnvelope(this.#context, envelope, known);
    if (judged.verdict === "refused") return judged.reason;
    judged.committed?.value.wipe();
    await this.#replication.keep(envelope);
    this.#copies?.request();
    return null;
  }

  /** A version that is to be kept; whoever brings it may know more of it. */
  async #know(wanted: HeldVersion, from: string): Promise<CurrentVersion | null> {
    const find = () =>
      keptVersions(this.#context.view(), wanted.path).find(({ version }) => version === wanted.version) ?? null;
    const known = find();
    if (known !== null && this.#knowsAuthority(known.metadata.heads)) return known;
    await this.#catchUp(from);
    const caughtUp = find();
    // Whoever has a version that was made after a revocation has the revocation, too, or does not take the version.
    return caughtUp !== null && this.#context.knowsActs(caughtUp.metadata.tips) ? caughtUp : null;
  }

  /** A member says that an older value is to be the current one, which an operator has signed. */
  async #restore(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const wanted = decodeFetchRequest(body);
    const record = { actor: this.#nameOf(peer), action: STORE_ACTION, object: wanted.path };
    const known = await this.#know(wanted, peer);
    const isHere = known !== null && (await this.#replication.restore(known));
    const reason = known === null ? "this is no version of the secret that is kept" : "the older value is not here";
    if (!isHere) {
      await this.#requests.refused(peer, { ...record, decision: "denied", reason });
      return encodePutAnswer({ stored: false, reason });
    }
    const facts = { version: wanted.version };
    await this.#requests.allowed({ ...record, decision: "allowed", reason: "", facts });
    return encodePutAnswer({ stored: true });
  }

  async #fetch(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#replication.fetch(peer, body);
    if (answer !== null) return answer;
    const [actor, object, reason] = [this.#nameOf(peer), "(all)", "no secret store"];
    await this.#requests.refused(peer, { actor, action: REPLICATE_ACTION, object, decision: "denied", reason });
    throw new LabError("NotAuthorised", "only secret stores replicate secrets");
  }

  #knowsAll({ authority, desired }: Heads): boolean {
    return this.#knowsAuthority(authority) && equalBytes(this.#context.heads().desired, desired);
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

function objectOf(path: string): string {
  return isSecretPath(path) ? path : "(not a path)";
}

export const secretStore: RoleDefinition = {
  name: SECRET_STORE,
  missingEffect: "no secret can be set, and machines have those only that they keep themselves",
  create: (context) => new SecretStore(context),
  clear: clearRemains,
};
