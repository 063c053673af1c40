import { dismissedPath, serverLabelPath } from "../../src/core/paths.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { keepsOf } from "../../src/crdt/keeps.ts";
import type { Machine } from "../machine.ts";
import type { SimOperator } from "../sim-operator.ts";
import { agree, checkAgree, checkLabels, checkVoid, isGone } from "./checks.ts";
import { bytes, type Hands, keysOf, now, others, running } from "../hands.ts";

const SETTLE_MS = 30_000;
/** Bob's writes of which the second cut keeps these, and the first one all that were heard. */
const LABELS = ["b1", "b2", "b3", "b4", "b5", "b6"];
const KEPT = 3;

/**
 * Bob is removed while half of the mesh is out of reach: what was heard counts, what he said beyond is void and waits
 * for alice's word. Then alice cuts deeper, below what machines have summed up and dropped from memory.
 */
export async function removeOperator(hands: Hands): Promise<void> {
  const { world } = hands;
  const { alice, bob, network } = world;
  const all = world.machines.filter(({ agent }) => agent !== null);
  const outcast = all.at(-1) as Machine;
  const members = others(all, outcast);
  const [first, second, third, ...far] = members as [Machine, Machine, Machine, ...Machine[]];
  const near = [first, second, third];
  const there = far[0] as Machine;
  const server = there.id;
  const given = [...running(first).view().labelsOf(server)];
  const has = (...labels: readonly string[]) => ({ at: members, server, labels: [...given, ...labels] });
  const label = (operator: SimOperator, at: Machine, name: string) =>
    hands.write(operator, at, [{ path: serverLabelPath(server, name), value: true }]);

  const removal = await hands.remove(bob, first, outcast);
  if (!(await hands.until(SETTLE_MS, () => isGone(outcast)))) throw new Error(`${outcast.name} is not gone`);
  const heard: string[] = [];
  for (const name of LABELS) heard.push(await label(bob, first, name));
  await hands.pass(SETTLE_MS);
  await hands.startFromBase([second]);
  const summedUp = running(second).replica.chain(bob.log, CLASS_DESIRED)?.below ?? 0;
  if (summedUp === 0) throw new Error(`${second.name} has not begun at a base`);

  network.cut(keysOf(near), keysOf(far));
  await hands.pass(SETTLE_MS);
  const adopted = await label(bob, there, "adopted");
  const dismissed = await label(bob, there, "dismissed");
  const role = { type: "role", node: bytes(first.id), label: "odd", at: 0 } as const;
  const act = await hands.act(bob, there, role);
  const late = await hands.withhold(bob, there, [{ path: serverLabelPath(server, "late"), value: true }]);
  await cutBob(hands, first, () => false);
  checkLabels(world, "alice has cut bob", { ...has(...LABELS), at: [first] });
  network.heal();
  await hands.pass(SETTLE_MS);
  checkAgree(world, "bob is cut", members);
  checkLabels(world, "bob is cut", has(...LABELS));
  for (const entry of [adopted, dismissed, act]) {
    checkVoid(world, "bob is cut", { at: members, entry, state: "unadopted" });
  }
  if (running(first).view().roleLog(first.id, "odd") !== undefined) {
    world.violated("removals", "a role counts that bob gave after his cut");
  }
  world.reached("what an operator said beyond his cut is void, and what was heard counts");

  // He still has his key, and every machine takes what its writer has signed.
  await late.handOver(there);
  await hands.pass(SETTLE_MS);
  checkLabels(world, "bob goes on", has(...LABELS));
  await label(alice, first, "adopted");
  await hands.write(alice, first, [{ path: dismissedPath(dismissed), value: true }]);
  await hands.pass(SETTLE_MS);
  checkAgree(world, "alice has adopted", members);
  checkLabels(world, "alice has adopted", has(...LABELS, "adopted"));
  checkVoid(world, "alice has adopted", { at: members, entry: adopted, state: "adopted" });
  checkVoid(world, "alice has dismissed", { at: members, entry: dismissed, state: "dismissed" });
  checkVoid(world, "bob went on", { at: members, entry: late.entry, state: "unadopted" });
  world.reached("void acts are adopted and dismissed");

  await cutBob(hands, first, (id) => id === removal || heard.indexOf(id) >= KEPT);
  await hands.pass(SETTLE_MS);
  const kept = LABELS.slice(0, KEPT);
  checkAgree(world, "alice has cut deeper", members);
  checkLabels(world, "alice has cut deeper", has(...kept, "adopted"));
  await hands.startFromBase(others(members, first));
  checkAgree(world, "after a start", members);
  checkLabels(world, "after a start", has(...kept, "adopted"));
  world.reached("a cut reaches below what was summed up");

  // Bob's removal of that machine has become void with the rest: whoever starts it has a member again.
  await world.until(outcast.stop());
  await world.until(outcast.start());
  if (await hands.until(2 * SETTLE_MS, () => running(outcast).removal === null && agree(all))) {
    world.reached("a removal that was cut is none");
  } else world.violated("removals", `${outcast.name} does not hear that its removal is void`);
}

async function cutBob(hands: Hands, at: Machine, isLost: (id: string) => boolean): Promise<void> {
  const { alice, bob } = hands.world;
  const { replica } = running(at);
  const key = [...replica.graph.logs].find(([log]) => log === bob.log)?.[1].key ?? "";
  const known = { graph: replica.graph, ledgers: replica.fold.ledgers };
  const keeps = keepsOf(known, key, ({ id }) => isLost(id));
  await hands.act(alice, at, { type: "cut", key: bytes(key), keeps, reason: "left", at: now(alice) });
}
