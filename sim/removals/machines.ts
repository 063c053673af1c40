import { serverLabelPath } from "../../src/core/paths.ts";
import type { Machine } from "../machine.ts";
import { isGone } from "./checks.ts";
import { type Hands, keysOf, others, running } from "./hands.ts";

/** From the moment at which a member that knows of it can be reached: back-off included. */
const HEARD_WITHIN_MS = 45_000;
const SETTLE_MS = 20_000;

/**
 * Machines that hold a secret and a role are removed: one while it runs, one while it is off, so that it lacks what the
 * removal builds on, and one on the small side of a cut. Each hears of it, and keeps nothing.
 */
export async function removeMachines(hands: Hands): Promise<void> {
  const { world } = hands;
  const { alice, bob, machines, network } = world;
  const [first] = machines as [Machine];
  const [here, away, apart, beside] = machines.slice(3) as [Machine, Machine, Machine, Machine];
  const leaving = [here, away, apart];
  await hands.declareSecret(alice, first);
  await hands.write(
    alice,
    first,
    leaving.map(({ id }) => ({ path: serverLabelPath(id, "web"), value: true })),
  );
  for (const { id } of leaving) {
    await hands.act(alice, first, { type: "role", node: Buffer.from(id, "hex"), label: "coordinator", at: 0 });
  }
  const isSet = () => leaving.every((one) => running(one).cache.list().length === 1 && hasRole(one));
  if (!(await hands.until(60_000, isSet))) throw new Error("the machines never got what they are to lose");

  away.crash();
  const small = [apart, beside];
  network.cut(keysOf(small), keysOf(others(machines, ...small)));
  await hands.pass(SETTLE_MS);
  // Something that the removal builds on, and that those who are away do not have.
  await hands.act(bob, first, { type: "unrole", node: Buffer.from(here.id, "hex"), label: "web", keeps: [], at: 0 });
  await hands.remove(alice, first, here);
  await gone(hands, here, "removed while it ran");
  for (const machine of [away, apart]) await hands.remove(bob, first, machine);
  await hands.pass(SETTLE_MS);
  if (running(apart).removal !== null) throw new Error("there was no cut");

  network.heal();
  await gone(hands, apart, "removed on the other side of a cut");
  await world.until(away.start());
  await gone(hands, away, "removed while it was off");
  for (const machine of leaving) await world.until(machine.stop());
}

function hasRole(machine: Machine): boolean {
  return running(machine).roleReports.some(({ label }) => label === "coordinator");
}

async function gone(hands: Hands, machine: Machine, how: string): Promise<void> {
  if (await hands.until(HEARD_WITHIN_MS, () => isGone(machine))) {
    hands.world.reached(`a machine ${how} knows it and keeps nothing`);
    return;
  }
  const { removal, roleReports, cache } = running(machine);
  const has = `${roleReports.length} role(s) and ${cache.list().length} secret(s)`;
  const knows = removal === null ? "does not know it" : "knows it";
  hands.world.violated("removals", `${machine.name}, ${how}, ${knows} and has ${has}`);
}
