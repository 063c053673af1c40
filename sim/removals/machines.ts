import { serverLabelPath } from "../../src/core/paths.ts";
import { SECRET_STORE } from "../../src/core/policy/entitlement.ts";
import type { Machine } from "../machine.ts";
import { hasEnvelopes, isGone } from "./checks.ts";
import { type Hands, keysOf, others, running } from "../hands.ts";

/** From the moment at which a member that knows of it can be reached: back-off included. */
const HEARD_WITHIN_MS = 45_000;
const SETTLE_MS = 20_000;

/**
 * Machines that hold a secret, and everybody's as stores, are removed: one while it runs, one while it is off, so that
 * it lacks what the removal builds on, and one on the small side of a cut. Each hears of it, and keeps nothing. So does
 * a member that was off when it lost the label.
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
  for (const machine of leaving) await makeStore(hands, machine);
  const isSet = () => leaving.every((one) => running(one).cache.list().length === 1 && isStore(one));
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
  await unlabelWhileOff(hands, beside);
}

async function unlabelWhileOff(hands: Hands, machine: Machine): Promise<void> {
  const { world } = hands;
  const [first] = world.machines as [Machine];
  await makeStore(hands, machine);
  if (!(await hands.until(60_000, () => isStore(machine)))) throw new Error(`${machine.name} never became a store`);
  machine.crash();
  const node = Buffer.from(machine.id, "hex");
  await hands.act(world.alice, first, { type: "unrole", node, label: SECRET_STORE, keeps: [], at: 0 });
  await hands.pass(SETTLE_MS);
  await world.until(machine.start());
  if (await hands.until(HEARD_WITHIN_MS, () => running(machine).roleReports.length === 0 && !hasEnvelopes(machine))) {
    world.reached("a store that lost its label while it was off keeps nothing");
  } else world.violated("removals", `${machine.name} is no store any more, and keeps what it had as one`);
}

function makeStore(hands: Hands, { id }: Machine): Promise<string> {
  const { world } = hands;
  const [first] = world.machines as [Machine];
  return hands.act(world.alice, first, { type: "role", node: Buffer.from(id, "hex"), label: SECRET_STORE, at: 0 });
}

function isStore(machine: Machine): boolean {
  return running(machine).roleReports.some(({ label }) => label === SECRET_STORE) && hasEnvelopes(machine);
}

async function gone(hands: Hands, machine: Machine, how: string): Promise<void> {
  if (await hands.until(HEARD_WITHIN_MS, () => isGone(machine))) {
    hands.world.reached(`a machine ${how} knows it and keeps nothing`);
    return;
  }
  const { removal, roleReports, cache } = running(machine);
  const store = hasEnvelopes(machine) ? ", and what it had as a store" : "";
  const has = `${roleReports.length} role(s) and ${cache.list().length} secret(s)${store}`;
  const knows = removal === null ? "does not know it" : "knows it";
  hands.world.violated("removals", `${machine.name}, ${how}, ${knows} and has ${has}`);
}
