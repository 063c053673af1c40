import { toBase64Url } from "../../src/core/bytes.ts";
import { serverLabelPath } from "../../src/core/paths.ts";
import { CLASS_AUDIT, CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { composeLink } from "../../src/crdt/compose.ts";
import { entrySubmitOperation } from "../../src/operations/entry.ts";
import { checkOwnLogs } from "../checkers/unauthorised.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { agree } from "./checks.ts";
import { type Hands, keysOf, others, running, submitNonsense } from "../hands.ts";

const SETTLE_MS = 20_000;
const ASK_MS = 2_000;
/** What one machine holds for entries that are not here, of everybody and of one author (`docs/protocol/mesh.md`). */
const MAX_WAITING = 1_024;
const MAX_WAITING_OF_AUTHOR = 512;
const FLOOD = 1_500;

/** What a machine does before anything has effect: whom it lets in, what it holds for later, what it signs itself. */
export async function guardDoor(hands: Hands): Promise<void> {
  await shutOut(hands);
  await park(hands);
  await comeBackOld(hands);
}

/** A cut whose parents are not here closes the door at once, and changes nothing else. */
async function shutOut(hands: Hands): Promise<void> {
  const { world } = hands;
  const { bob, machines, network } = world;
  const [first] = machines as [Machine];
  const [guard, thief] = machines.slice(6) as [Machine, Machine];
  const members = membersOf(world);
  network.cut(keysOf([guard, thief]), keysOf(others(members, guard, thief)));
  await hands.pass(SETTLE_MS);
  if (!(await answers(hands, thief, guard))) throw new Error(`${guard.name} and ${thief.name} are apart`);
  // Something that the cut builds on, and that these two do not have.
  await hands.act(bob, first, { type: "role", node: Buffer.from(guard.id, "hex"), label: "coordinator", at: 0 });
  const id = await hands.remove(bob, first, thief);
  const cut = running(first).replica.graph.find(id)?.entry.bytes as Uint8Array;
  const { results } = await world.until(guard.call(entrySubmitOperation, { entries: [toBase64Url(cut)] }));
  if (results[0]?.state !== "parked") throw new Error(`the cut was ${results[0]?.state}, and its parents are not here`);
  await hands.pass(1_000);
  if (await answers(hands, thief, guard)) {
    world.violated("removals", `${guard.name} still answers ${thief.name}, whose verified cut waits there`);
  } else world.reached("a machine is shut out by a cut that waits");
  if (running(guard).view().nodes.get(thief.id)?.state !== "active") {
    world.violated("removals", `at ${guard.name} a cut has effect whose parents are not there`);
  }
  network.heal();
  if (!(await hands.until(45_000, () => running(thief).removal !== null))) {
    world.violated("removals", `${thief.name} does not hear that it was removed`);
  }
  await world.until(thief.stop());
}

/** One who sends what builds on nothing takes neither memory without end nor the places of others. */
async function park(hands: Hands): Promise<void> {
  const { world } = hands;
  const { alice, machines, network } = world;
  const [first] = machines as [Machine];
  const [full] = machines.slice(8) as [Machine];
  const members = membersOf(world);
  network.cut([full.key], keysOf(others(members, full)));
  await hands.pass(SETTLE_MS);
  const written: Uint8Array[] = [];
  for (const label of ["one", "two"]) {
    const id = await hands.write(alice, first, [{ path: serverLabelPath(full.id, label), value: true }]);
    const chain = running(first).replica.chain(alice.log, CLASS_DESIRED);
    written.push(chain?.find(id)?.entry.bytes as Uint8Array);
  }
  const [before, after] = written as [Uint8Array, Uint8Array];
  await submit(world, full, [after]);
  const orphans = Array.from({ length: FLOOD }, (_, i) => orphan(world, hands.random.bytes(32), i));
  for (let i = 0; i < orphans.length; i += 100) await submit(world, full, orphans.slice(i, i + 100));
  const { entries } = running(full).replica.parked;
  if (entries > MAX_WAITING || entries > MAX_WAITING_OF_AUTHOR + 1) {
    world.violated("removals", `${full.name} holds ${entries} entries for what one author left out`);
  }
  await submit(world, full, [before]);
  const labels = running(full).view().labelsOf(full.id);
  if (!["one", "two"].every((label) => labels.includes(label))) {
    world.violated("removals", `${full.name} has forgotten what it held, as somebody else sent too much`);
  } else world.reached("what waits is bounded, and of everybody");
  network.heal();
  if (!(await hands.until(45_000, () => agree(membersOf(world)))))
    world.violated("convergence", "after the flood the members do not agree");
}

/** With an old copy of its disk, and at first only a member that missed the same, it waits for a second one. */
async function comeBackOld(hands: Hands): Promise<void> {
  const { world } = hands;
  const { machines, network } = world;
  const [late, restored] = machines.slice(8) as [Machine, Machine];
  const members = membersOf(world);
  await submitNonsense(world, restored);
  await hands.pass(SETTLE_MS);
  const image = restored.disk.image();
  const before = acts(restored);
  network.cut([late.key], keysOf(others(members, late)));
  await submitNonsense(world, restored);
  await hands.pass(SETTLE_MS);
  restored.crash();
  restored.disk.setBack(image);
  network.heal();
  network.cut(keysOf([restored, late]), keysOf(others(members, restored, late)));
  await world.until(restored.start());
  await hands.pass(1_000);
  await submitNonsense(world, restored);
  await hands.pass(5_000);
  network.heal();
  await hands.pass(90_000);
  checkOwnLogs(world);
  if (acts(restored) !== before + 2) {
    world.violated("own-logs", `${restored.name} has ${acts(restored)} records of ${before + 2}`);
  }
  world.reached("a machine with an old disk asks two members");
}

function acts({ agent, id }: Machine): number {
  return agent?.replica.chain(id, CLASS_AUDIT)?.size ?? 0;
}

function submit(world: World, at: Machine, entries: readonly Uint8Array[]): Promise<unknown> {
  return world.until(at.call(entrySubmitOperation, { entries: entries.map(toBase64Url) }));
}

/** A write of an operator who turned, after one that there never was. */
function orphan({ hostile, keys, mesh }: World, prev: Uint8Array, i: number): Uint8Array {
  const { signer, log } = hostile.operator;
  const head = { seq: 1_000 + i, hash: prev };
  const position = { mesh, log, class: CLASS_DESIRED, head, hlc: { ms: 1 + i, count: 0 }, seen: prev, more: 0 };
  return composeLink(keys, position, new Uint8Array(64), signer).bytes;
}

/** Machines that still are members. */
function membersOf({ machines }: World): Machine[] {
  return machines.filter(({ agent }) => agent !== null);
}

async function answers({ world }: Hands, from: Machine, to: Machine): Promise<boolean> {
  return world.until(
    running(from)
      .mesh.roundTrip(to.key, ASK_MS)
      .then(
        () => true,
        () => false,
      ),
  );
}
