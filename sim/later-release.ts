import { fromHex } from "../src/core/bytes.ts";
import type { Random } from "../src/core/ports/random.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import type { Machine } from "./machine.ts";
import type { SimOperator } from "./sim-operator.ts";
import type { World } from "./world.ts";

/**
 * An operator whose command line is of a later release signs what no agent here knows: an act of another type, an act
 * of a known type with a member more, a link of another class. All of it is kept and forwarded, and of the second the
 * known part counts.
 */
export async function signOfLaterRelease(
  world: World,
  operator: SimOperator,
  machine: Machine,
  random: Random,
): Promise<void> {
  const context = await operator.ask(machine, []);
  if (context === null) return;
  const at = operator.clock.now();
  switch (random.below(3)) {
    case 0:
      operator.act(context, { type: "lease", of: random.bytes(16), until: at, at } as unknown as KnownBody);
      world.reached("an act of a type that nobody knows");
      break;
    case 1: {
      const server = world.machines[random.below(world.machines.length)] as Machine;
      const node = fromHex(server.id) as Uint8Array;
      // A role that no software acts on.
      operator.act(context, { type: "role", node, label: "weather", at, sun: random.bytes(4) } as KnownBody);
      world.history.granted(server.id, "weather");
      world.reached("an act with a member that nobody knows");
      break;
    }
    default:
      operator.signUnknown(context, random.bytes(30));
      world.reached("a link of a class that nobody knows");
  }
  await operator.handOver(machine, context);
}
