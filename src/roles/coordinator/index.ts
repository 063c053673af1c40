import { fromHex, toHex } from "../../core/bytes.ts";
import { decode, encode } from "../../core/encoding.ts";
import {
  decodeEnrolRequest,
  ENROL_CHANNEL,
  type EnrolAnswer,
  type EnrolRequest,
  encodeEnrolAnswer,
  tokenSecretHash,
} from "../../core/enrolment.ts";
import type { AuditRecord, Role, RoleContext, RoleDefinition } from "../../core/ports/role.ts";
import { freshnessChannel, freshnessHandler } from "../../core/secrets/freshness.ts";
import { KnockLog } from "./knock-log.ts";
import { planRedemption, type RedemptionPlan } from "./redemption.ts";

const BOUND = "bound/";

/** Entries in one answer: a quarter of the largest frame, and little to hold for somebody who is slow. */
const ANSWER_BYTES = 1024 * 1024;
/** Whom a newcomer asks first, whoever of them is there; where all others are, they say themselves. */
const MOST_MEMBERS = 128;

/**
 * Redeems the tokens that name it, and says where members listen. It keeps nothing that is not in the mesh but which
 * key each of its tokens was bound to, so that a crash between that and the signature ends in the same answer.
 */
class Coordinator implements Role {
  readonly #context: RoleContext;
  readonly #knocks: KnockLog;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: RoleContext) {
    this.#context = context;
    this.#knocks = new KnockLog(context);
  }

  async start(): Promise<void> {
    this.#context.handle(freshnessChannel("coordinator"), freshnessHandler(this.#context));
    this.#context.handleStrangers(ENROL_CHANNEL, (peer, body) => this.#exclusive(() => this.#enrol(peer, body)));
  }

  async reconcile(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#turn;
    await this.#knocks.stop();
  }

  async #enrol(peer: string, body: Uint8Array): Promise<Uint8Array> {
    const request = decodeEnrolRequest(body);
    const { plan, key } = await this.#plan(peer, request);
    const object = `token:${toHex(request.tokenId)}`;
    const actor = `stranger:${peer.slice(0, 12)}`;
    const from = `from ${this.#context.peers.remoteAddress(peer) ?? "somewhere"}`;
    if (plan.verdict === "refuse") {
      const reason = `${from}: ${plan.reason}`;
      // Whatever nobody issued is of one kind: there is no end of it.
      const kind = plan.token === null ? "no token" : `refused ${plan.token.entry}`;
      await this.#knocks.note(kind, { actor, action: "token.redeem", object, decision: "denied", reason });
      return encodeEnrolAnswer({ state: "refused", reason: plan.reason, hint: plan.hint });
    }
    if (plan.verdict === "redeem") {
      // Bound before signed: from here on no other key can have this token, whatever happens next.
      const bound = encode({ key: peer, name: plan.name });
      await this.#context.disk.append([{ key: `${BOUND}${plan.token.entry}`, value: bound }], true);
      const { seal, proof } = request;
      await this.#context.redeem({ token: plan.token.entry, key, name: plan.name, seal, proof });
      const reason = `${from}: as ${plan.name}`;
      await this.#context.audit({ actor, action: "token.redeem", object, decision: "allowed", reason });
    }
    if (plan.verdict === "repeat" && (request.after ?? 0) === 0) {
      const reason = `${from}: as ${plan.name}, again`;
      const record: AuditRecord = { actor, action: "token.redeem", object, decision: "allowed", reason };
      await this.#knocks.note(`again ${plan.token.entry}`, record);
    }
    return encodeEnrolAnswer(this.#welcome(request.after));
  }

  async #plan(peer: string, request: EnrolRequest): Promise<{ plan: RedemptionPlan; key: Uint8Array }> {
    const { clock, disk, keys, self } = this.#context;
    const view = this.#context.view();
    const secretHash = toHex(tokenSecretHash(keys, request.secret));
    const token = view.tokens.find(({ id }) => id === toHex(request.tokenId));
    const stored = token === undefined ? undefined : await disk.read(`${BOUND}${token.entry}`);
    const bound = stored === undefined ? null : (decode(stored) as { key: string; name: string });
    const roleLog = view.roleLog(self.id, "coordinator") ?? "";
    const [lostAtMs, nowMs] = [this.#context.lostAtMs(), clock.now()];
    const plan = planRedemption({ view, request, key: peer, secretHash, roleLog, bound, lostAtMs, nowMs });
    return { plan, key: fromHex(peer) as Uint8Array };
  }

  #welcome(after: number | null): EnrolAnswer {
    const { peers } = this.#context;
    const isThere = (key: string) => Number(peers.opinion(key).online !== "no");
    const members = [...this.#context.memberAddresses()]
      .sort((a, b) => isThere(b.key) - isThere(a.key))
      .slice(0, MOST_MEMBERS)
      .map(({ key, addresses }) => ({ key: fromHex(key) as Uint8Array, addresses: addresses.slice(0, 16) }));
    const all = this.#context.authorityEntries();
    const entries = after === null ? all : portion(all.slice(after));
    return { state: "enrolled", entries, members, more: after !== null && after + entries.length < all.length };
  }

  /** One redemption at a time, so that two strangers with one token meet a decision. */
  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** As many as one answer holds; at least one. */
function portion(entries: readonly Uint8Array[]): readonly Uint8Array[] {
  let bytes = 0;
  const end = entries.findIndex((entry, i) => (bytes += entry.length) > ANSWER_BYTES && i > 0);
  return end === -1 ? entries : entries.slice(0, end);
}

export const coordinator: RoleDefinition = {
  name: "coordinator",
  missingEffect: "no machine can join: tokens are neither issued nor redeemed",
  create: (context) => new Coordinator(context),
};
