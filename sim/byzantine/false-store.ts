import { decodeEnvelope, encodeEnvelope, type Envelope, openEnvelope } from "../../src/core/secrets/envelope.ts";
import {
  decodeFetchRequest,
  decodeGetRequest,
  encodeFetchAnswer,
  encodeGetAnswer,
  encodeHeldPage,
  encodePutAnswer,
  encodeServed,
  FETCH_CHANNEL,
  GET_CHANNEL,
  LIST_CHANNEL,
  PUT_CHANNEL,
} from "../../src/core/secrets/messages.ts";
import { type Committed, COMMITMENT_NONCE_BYTES, currentVersions } from "../../src/core/secrets/version.ts";
import type { Random } from "../../src/core/ports/random.ts";
import { Secret } from "../../src/core/secret.ts";
import type { World } from "../world.ts";

interface Held {
  readonly envelope: Envelope;
  readonly committed: Committed;
}

/**
 * A secret store that was one in good faith: it says that it has everything, and gives old values, values of its own, and
 * envelopes that it altered.
 */
export class FalseStore {
  readonly #world: World;
  readonly #random: Random;
  /** By path, oldest first. */
  readonly #held = new Map<string, Held[]>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Null for channels that are none of a store's. */
  async answer(channel: string, peer: string, body: Uint8Array): Promise<Uint8Array | null> {
    switch (channel) {
      case PUT_CHANNEL:
        await this.#keep(decodeEnvelope(body));
        return encodePutAnswer({ stored: true });
      case GET_CHANNEL:
        return this.#serve(peer, decodeGetRequest(body).path);
      case FETCH_CHANNEL:
        return this.#alter(decodeFetchRequest(body).path);
      case LIST_CHANNEL:
        return encodeHeldPage({
          held: currentVersions(this.#view).map(({ path, version }) => ({ path, version })),
          more: false,
        });
      default:
        return null;
    }
  }

  /** What any machine that runs knows, for free. */
  get #view() {
    const agent = this.#world.running[0]?.agent;
    if (!agent) throw new Error("nobody to look at");
    return agent.view();
  }

  async #keep(envelope: Envelope): Promise<void> {
    const { keys, mesh, hostile } = this.#world;
    const committed = await openEnvelope(keys, hostile.member.seal, mesh, envelope);
    if (committed === null) return;
    this.#held.set(envelope.path, [...(this.#held.get(envelope.path) ?? []), { envelope, committed }]);
  }

  async #serve(peer: string, path: string): Promise<Uint8Array> {
    const view = this.#view;
    const current = currentVersions(view).find((version) => version.path === path);
    const node = view.nodeByKey(peer);
    const held = this.#held.get(path) ?? [];
    if (current === undefined || node === undefined || held.length === 0) return encodeGetAnswer({ state: "none" });
    const old = held[0] as Held;
    const invented = { nonce: this.#random.bytes(COMMITMENT_NONCE_BYTES), value: new Secret(this.#random.bytes(20)) };
    const altered = { nonce: old.committed.nonce, value: invented.value };
    const lies: readonly [what: string, version: string, content: Committed][] = [
      ["an old value under its own version", old.envelope.version, old.committed],
      ["an old value as the current one", current.version, old.committed],
      ["an altered value", current.version, altered],
      ["a value of its own", current.version, invented],
    ];
    const [what, version, content] = lies[this.#random.below(lies.length)] as (typeof lies)[number];
    const isOld = old.envelope.version !== current.version;
    if (!this.#world.acts.take("byzantine", "a store serves false values", [node.name])) throw new Error("no");
    this.#world.reached(
      isOld || !what.startsWith("an old") ? `a store serves ${what}` : "a false store serves the truth",
    );
    const sealed = await this.#world.keys.seal([node.seal], encodeServed({ path, version, content }));
    return encodeGetAnswer({ state: "value", sealed, vouched: "fresh" });
  }

  /** An envelope in which a byte is another, for a store that asks to be filled. */
  #alter(path: string): Uint8Array {
    const held = this.#held.get(path)?.at(-1);
    if (held === undefined) return encodeFetchAnswer(null);
    if (!this.#world.acts.take("byzantine", "a store gives altered envelopes", [])) throw new Error("no");
    const sealedValue = new Uint8Array(held.envelope.sealedValue);
    sealedValue[0] = (sealedValue[0] ?? 0) ^ 1;
    return encodeFetchAnswer(encodeEnvelope({ ...held.envelope, sealedValue }));
  }
}
