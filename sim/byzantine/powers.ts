import { fromHex, toHex } from "../../src/core/bytes.ts";
import { joinMessage } from "../../src/core/enrolment.ts";
import { Secret } from "../../src/core/secret.ts";
import type { KnownBody, Pin } from "../../src/crdt/authority/bodies.ts";
import { composeAuthority } from "../../src/crdt/compose.ts";
import { CLASS_DESIRED, type Entry } from "../../src/crdt/entry/entry.ts";
import { keepsOf } from "../../src/crdt/keeps.ts";
import type { Machine } from "../machine.ts";
import { type Attack, type AttackSite, sidesOf, signedByTurned } from "./attack.ts";

/** An operator with the right to administer signs what her rank does not give: nothing of it has an effect. */
export const upwards: Attack = {
  kind: "a junior acts against seniors",
  async attack(site, machine) {
    const { world } = site;
    const { alice, bob } = world;
    const at = world.clock.now();
    const keep = (log: string) => ({ log: fromHex(log) as Uint8Array, a: null, l: null });
    const bodies: KnownBody[] = [
      { type: "cut", key: alice.signer.publicKey, keeps: [keep(alice.log)], reason: "mine now", at },
      { type: "cut", key: bob.signer.publicKey, keeps: [keep(bob.log)], reason: "mine now", at },
    ];
    const entries = sign(site, machine, bodies);
    if (entries.length > 0 && site.take([machine])) await site.give(machine, entries);
  },
};

/** Checkpoints that pin what is not hers to pin, what is not there, and a branch of an equal's fork. */
export const falseCheckpoint: Attack = {
  kind: "malicious checkpoint",
  async attack(site, machine) {
    const { world, random, ledger } = site;
    const replica = machine.agent?.replica;
    if (replica === undefined) return;
    const logs = [world.alice.log, world.bob.log, toHex(ledger.log)];
    const log = logs[random.below(logs.length)] as string;
    const links = replica.chain(log, CLASS_DESIRED)?.main ?? [];
    const link = links[random.below(Math.max(1, links.length))]?.entry;
    const there = { seq: link?.header.seq ?? 1, hash: link?.hash ?? random.bytes(32) };
    const pins: Pin[] = [
      { log: fromHex(log) as Uint8Array, ...there },
      { log: fromHex(log) as Uint8Array, seq: there.seq + 3, hash: random.bytes(32) },
    ];
    const pin = pins[random.below(pins.length)] as Pin;
    const body: KnownBody = { type: "checkpoint", pins: [pin], state: random.bytes(32), at: world.clock.now() };
    const entries = sign(site, machine, [body]);
    if (entries.length > 0 && site.take([machine])) await site.give(machine, entries);
  },
};

function sign({ world }: AttackSite, machine: Machine, bodies: readonly KnownBody[]): Entry[] {
  const replica = machine.agent?.replica;
  const { keys, mesh, hostile } = world;
  if (replica === undefined || hostile.administrator === null) return [];
  const { signer, log } = hostile.administrator;
  const parents = replica.graph.tips.map(({ entry }) => entry.hash);
  const entries = bodies.map((body) => composeAuthority(keys, { mesh, log, parents }, body, signer));
  signedByTurned(world, entries);
  return entries;
}

/** Its coordinator redeems one token for two machines, and tells each half of the mesh of one of them. */
export const redeemTwice: Attack = {
  kind: "a coordinator redeems twice",
  async attack(site, machine) {
    const { world, random } = site;
    const replica = machine.agent?.replica;
    const token = world.hostile.tokens.find(({ state }) => state === "unused");
    const { coordinatorLog } = world.hostile;
    if (replica === undefined || token === undefined || coordinatorLog === null || !site.take()) return;
    token.state = "redeemed";
    const { keys, mesh, hostile } = world;
    const parents = [token.entry, ...replica.graph.tips.map(({ entry }) => entry.hash)];
    const [one, other] = await Promise.all(
      ["one", "other"].map(async (which) => {
        const guest = keys.signer(new Secret(random.fork(`${toHex(token.entry)} ${which}`).bytes(32)));
        const { recipient: seal } = await keys.createSealIdentity();
        const proof = guest.sign(joinMessage(mesh, guest.publicKey, seal));
        const name = `guest-${toHex(guest.publicKey).slice(0, 12)}`;
        const at = world.clock.now();
        const body: KnownBody = { type: "redeem", token: token.entry, key: guest.publicKey, name, seal, proof, at };
        return composeAuthority(keys, { mesh, log: coordinatorLog, parents }, body, hostile.member.signer);
      }),
    );
    signedByTurned(world, [one as Entry, other as Entry]);
    const [here, there] = sidesOf(site);
    for (const machines of here) await site.give(machines, [one as Entry]);
    for (const machines of there) await site.give(machines, [other as Entry]);
  },
};

/** Alice finds the operator out, and draws the line through what one machine knows. He goes on as if nothing were. */
export const found: Attack = {
  kind: "an operator is cut and goes on",
  async attack(site, machine) {
    const { world, ledger } = site;
    const { alice, hostile } = world;
    const agent = machine.agent;
    if (agent === null) return;
    if (!hostile.isFound) {
      const context = await alice.ask(machine, []);
      if (context === null || hostile.isFound || machine.agent === null || !site.take([machine])) return;
      hostile.isFound = true;
      const { replica } = machine.agent;
      const key = toHex(hostile.operator.signer.publicKey);
      const keeps = keepsOf({ graph: replica.graph, ledgers: replica.fold.ledgers }, key);
      const at = alice.clock.now();
      alice.act(context, { type: "cut", key: hostile.operator.signer.publicKey, keeps, reason: "found out", at });
      await alice.handOver(machine, context);
      return;
    }
    if (!site.take([machine])) return;
    const trunk = ledger.branches[site.random.below(Math.max(1, ledger.branches.length))] ?? [];
    const hlc = { ms: world.clock.now(), count: 0 };
    const branch = ledger.extend(trunk, hlc, `label/past-the-frontier-${site.random.below(4)}`, {});
    ledger.branches.push(branch);
    signedByTurned(world, branch);
    await site.give(machine, branch);
  },
};
