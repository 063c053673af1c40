import { fromHex } from "../../src/core/bytes.ts";
import { encode } from "../../src/core/encoding.ts";
import { composeLink, composeObserved } from "../../src/crdt/compose.ts";
import { CLASS_AUDIT, type Entry } from "../../src/crdt/entry/entry.ts";
import { type Attack, type AttackSite, sidesOf, signedByTurned } from "./attack.ts";

async function tellBothSides(site: AttackSite, one: readonly Entry[], other: readonly Entry[]): Promise<void> {
  const [here, there] = sidesOf(site);
  for (const machine of here) await site.give(machine, one);
  for (const machine of there) await site.give(machine, other);
}

/** The operator who turned says one thing to some and another thing to the others, under one number. */
export const forkOwnLedger: Attack = {
  kind: "an operator says two things",
  async attack(site) {
    const { world, random, ledger } = site;
    if (ledger.branches.length === 0 || !site.take()) return;
    const trunk = ledger.branches[random.below(ledger.branches.length)] ?? [];
    const hlc = { ms: world.clock.now(), count: 0 };
    const [one, other] = ["left", "right"].map((side) => {
      return ledger.extend(trunk, hlc, `label/two-faces-${random.below(4)}`, { ports: [side === "left" ? 1 : 2] });
    }) as [Entry[], Entry[]];
    ledger.branches.push(one as never, other as never);
    signedByTurned(world, [...one, ...other]);
    await tellBothSides(site, one, other);
  },
};

/** A machine signs two audit records of one number, and two reports of one version. */
export const forkOwnLog: Attack = {
  kind: "a machine says two things",
  async attack(site, machine) {
    const { world } = site;
    const replica = machine.agent?.replica;
    if (replica === undefined || !site.take()) return;
    const { keys, mesh, hostile, clock } = world;
    const { signer, id } = hostile.member;
    const log = fromHex(id) as Uint8Array;
    const hlc = { ms: clock.now(), count: 0 };
    const tip = replica.chain(id, CLASS_AUDIT)?.main.at(-1)?.entry;
    const head = tip === undefined ? null : { seq: tip.header.seq, hash: tip.hash };
    const position = { mesh, log, class: CLASS_AUDIT, head, hlc, seen: mesh, more: 0 };
    const record = (object: string) =>
      encode({
        v: 1,
        timeMs: hlc.ms,
        actor: "node:mole-1",
        action: "mole.dig",
        object,
        decision: "allowed",
        reason: "",
      });
    const report = (os: string) =>
      composeObserved(keys, { mesh, log, seq: 7, hlc }, encode({ v: 1, addresses: [], os }), signer);
    const side = (name: string) => [composeLink(keys, position, record(name), signer), report(name)];
    await tellBothSides(site, side("left"), side("right"));
  },
};

const DECADE_MS = 10 * 365 * 86_400_000;

/** Writes of fifty years ago, and of ten years hence. */
export const falseTimes: Attack = {
  kind: "writes of the past and the future",
  async attack(site, machine) {
    const { world, random, ledger } = site;
    if (!site.take([machine])) return;
    const trunk = ledger.branches.at(-1) ?? [];
    const ms = random.below(2) === 0 ? 1 : world.clock.now() + DECADE_MS;
    const branch = ledger.extend(trunk, { ms, count: 0 }, `label/false-times-${random.below(4)}`, {});
    ledger.branches.push(branch);
    signedByTurned(world, branch);
    await site.give(machine, branch);
  },
};
