import { toHex } from "../../src/core/bytes.ts";
import type { Machine } from "../machine.ts";
import { type Fault, type FaultSite, keysOf } from "./fault.ts";

/**
 * Cuts the mesh in two halves with machines in both; null if chance put all on one side, or this run does without. The
 * hostile machine is in either.
 */
export function cutInTwo(
  site: FaultSite,
  lastsMs: number,
): { readonly here: readonly Machine[]; readonly there: readonly Machine[] } | null {
  const { hostile, machines, network } = site.world;
  const here = machines.filter(() => site.random.below(2) === 0);
  const there = machines.filter((machine) => !here.includes(machine));
  const mole = site.random.below(2) === 0 ? [toHex(hostile.member.signer.publicKey)] : [];
  if (here.length === 0 || there.length === 0 || !site.take("cut", "cut in two", here)) return null;
  site.lasts(lastsMs, network.cut([...keysOf(here), ...mole], keysOf(there)));
  return { here, there };
}

export const partition: Fault = {
  kind: "cut in two",
  family: "cut",
  percent: 60,
  everyMs: 30_000,
  lastsMs: [3_000, 40_000],
  happen: (site, lastsMs) => void cutInTwo(site, lastsMs),
};

/** Some reach the others, and the others do not reach them. */
export const oneWay: Fault = {
  kind: "one-way cut",
  family: "cut",
  percent: 40,
  everyMs: 25_000,
  lastsMs: [3_000, 30_000],
  happen(site, lastsMs) {
    const { machines, network } = site.world;
    const deaf = site.pickSome(2);
    const others = machines.filter((machine) => !deaf.includes(machine));
    if (deaf.length === 0 || !site.take("cut", "one-way cut", deaf)) return;
    site.lasts(lastsMs, network.cut(keysOf(others), keysOf(deaf), "forth"));
  },
};

/** Some cannot talk to some, and everybody else can talk to both. */
export const partial: Fault = {
  kind: "partial cut",
  family: "cut",
  percent: 40,
  everyMs: 20_000,
  lastsMs: [3_000, 60_000],
  happen(site, lastsMs) {
    const { network } = site.world;
    const apart = site.pickSome(4);
    if (apart.length < 2 || !site.take("cut", "partial cut", apart)) return;
    const middle = Math.ceil(apart.length / 2);
    site.lasts(lastsMs, network.cut(keysOf(apart.slice(0, middle)), keysOf(apart.slice(middle))));
  },
};

/** A modem: whatever some machines say or hear comes seconds later. */
export const slowLinks: Fault = {
  kind: "slow links",
  family: "other",
  percent: 30,
  everyMs: 40_000,
  lastsMs: [10_000, 60_000],
  happen(site, lastsMs) {
    const machines = site.pickSome(3);
    if (machines.length === 0 || !site.take("other", "slow links", machines)) return;
    site.lasts(lastsMs, site.world.network.slowDown(keysOf(machines), 200 + site.random.below(3_000)));
  },
};

/** Another lease: connections are dead, and nobody but the machine knows where it is. */
export const newAddress: Fault = {
  kind: "new address",
  family: "other",
  percent: 30,
  everyMs: 30_000,
  // For as long nobody can be expected to know where it is.
  lastsMs: [30_000, 30_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || !site.take("other", "new address", [machine])) return;
    const index = site.world.machines.indexOf(machine);
    const address = `10.${128 + (index >> 8)}.${index & 255}.${1 + site.random.below(250)}:7444`;
    if (address !== machine.address) machine.moveTo(address);
    site.lasts(lastsMs, () => undefined);
  },
};

/** Several machines are seen at one address: they reach everybody, and nobody who is not among them reaches them. */
export const oneAddress: Fault = {
  kind: "behind one address",
  family: "other",
  percent: 30,
  everyMs: 50_000,
  lastsMs: [20_000, 90_000],
  happen(site, lastsMs) {
    const { machines, network } = site.world;
    const machinesBehind = site.pickSome(Math.max(2, Math.floor(machines.length / 2)));
    if (machinesBehind.length < 2 || !site.take("other", "behind one address", machinesBehind)) return;
    site.lasts(lastsMs, network.hide(keysOf(machinesBehind), `203.0.113.${1 + site.random.below(250)}`));
  },
};
