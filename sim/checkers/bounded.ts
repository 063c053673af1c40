import { MAX_PARKED, MAX_PARKED_BYTES } from "../../src/crdt/parking-lot.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** What records weigh besides the entries in them: checksums, sums of long chains, caches, values. */
const STORE_FACTOR = 2;
const STORE_ROOM_BYTES = 512 * 1024;
/** Timers and requests of one agent, and what is under way to it. */
const CALLS_OF_MACHINE = 2_000;

/** At any moment: nobody is made to keep more than what honest hands and members signed, and a bounded lot of orphans. */
export function checkBounded(world: World, { name, agent, disk }: Machine): void {
  if (agent === null) return;
  const { entries, bytes } = agent.replica.parked;
  if (entries > MAX_PARKED || bytes > MAX_PARKED_BYTES) {
    world.violated("bounded", `${name} keeps ${entries} entries waiting, ${bytes} bytes`);
  }
  if (entries >= MAX_PARKED / 2) world.reached("a machine keeps all the orphans that it may");
  const held = disk.bytesNow;
  if (held > STORE_FACTOR * heldBy(agent.replica) + STORE_ROOM_BYTES) {
    world.violated("bounded", `the store of ${name} has ${held} bytes for ${heldBy(agent.replica)} bytes of entries`);
  }
  if (world.clock.pending > CALLS_OF_MACHINE * world.machines.length) {
    world.violated("bounded", `${world.clock.pending} calls wait in the world`);
  }
}

/** Bytes of all entries that a replica has. */
export function heldBy({ graph, chains, observed }: NonNullable<Machine["agent"]>["replica"]): number {
  let bytes = 0;
  for (const { entry } of graph.entries) bytes += entry.bytes.length;
  for (const chain of chains.values()) for (const { entry } of chain.links()) bytes += entry.bytes.length;
  for (const state of observed.values()) if (state.state === "record") bytes += state.entry.bytes.length;
  return bytes;
}
