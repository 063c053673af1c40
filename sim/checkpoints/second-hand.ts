import { toBase64Url } from "../../src/core/bytes.ts";
import { nextHlc } from "../../src/core/hlc.ts";
import type { KnownBody } from "../../src/crdt/authority/bodies.ts";
import { composeAuthority, composeLink, positionIn } from "../../src/crdt/compose.ts";
import { type ChainHeader, CLASS_DESIRED, type Entry } from "../../src/crdt/entry/entry.ts";
import { entrySubmitOperation } from "../../src/operations/entry.ts";
import { bytes, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { SimOperator } from "../sim-operator.ts";
import type { World } from "../world.ts";

/** Somebody else with an operator's key, who knows what one machine knows and has not the operator's own log. */
export class SecondHand {
  readonly #world: World;
  readonly #operator: Pick<SimOperator, "signer" | "log">;

  constructor(world: World, operator: Pick<SimOperator, "signer" | "log">) {
    [this.#world, this.#operator] = [world, operator];
  }

  /** A write after the entry of this number, whatever stands behind that. No machine has it yet. */
  async writeAfter(at: Machine, seq: number, path: string): Promise<Entry<ChainHeader>> {
    const { replica } = running(at);
    const { log, signer } = this.#operator;
    await this.#world.until(replica.makeWhole((chain) => chain.log === log));
    const link = replica.fold.ledgers.get(log)?.links[seq - 1];
    const cursor = replica.chain(log, CLASS_DESIRED)?.documentAt(link ?? null) ?? null;
    if (link === undefined || cursor === null) throw new Error(`${at.name} has no entry ${seq} that counts`);
    const { header, hash } = link.entry;
    const hlc = nextHlc(header.hlc, at.clock.now());
    const { mesh, keys } = this.#world;
    const place = { mesh, log: header.log, class: CLASS_DESIRED, head: { seq, hash }, hlc, seen: header.seen, more: 0 };
    return composeLink(keys, place, cursor.encode([{ path, value: true, over: [] }], hlc), signer);
  }

  /** An act after all that this machine knows, which has it when this resolves. */
  async act(at: Machine, body: KnownBody): Promise<void> {
    const { mesh, keys } = this.#world;
    const { log, signer } = this.#operator;
    await this.hand(at, composeAuthority(keys, positionIn(running(at).replica.graph, mesh, bytes(log)), body, signer));
  }

  async hand(to: Machine, entry: Pick<Entry, "bytes">): Promise<void> {
    await this.#world.until(to.call(entrySubmitOperation, { entries: [toBase64Url(entry.bytes)] }));
  }
}
