import { envelopeKey, readEnvelopeRecord } from "../../src/core/secrets/stored-envelope.ts";
import { running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** What a machine reads at a path, or why it reads nothing. */
export async function readAt(world: World, machine: Machine, path: string): Promise<string> {
  return world.until(
    running(machine)
      .cache.get(path)
      .then(
        ({ value, state }) => `${state === "fresh" ? "" : "stale: "}${Buffer.from(value.reveal()).toString()}`,
        (error: unknown) => (error instanceof Error ? error.name : String(error)),
      ),
  );
}

/** Each of these reads exactly this, and the others nothing that stands for a value. */
export async function checkReads(
  world: World,
  when: string,
  {
    path,
    text,
    readers,
    others,
  }: { path: string; text: string; readers: readonly Machine[]; others: readonly Machine[] },
): Promise<void> {
  for (const machine of readers) {
    const found = await readAt(world, machine, path);
    if (found !== text) world.violated("returns", `${when}: ${machine.name} reads ${inWords(world, found)} at ${path}`);
  }
  for (const machine of others) {
    const found = await readAt(world, machine, path);
    if (found.includes(world.marker)) world.violated("secrets", `${when}: ${machine.name} reads ${path}`);
  }
}

/** Each of these stores has the envelope of this version. */
export function checkHeld(world: World, when: string, path: string, version: string, stores: readonly Machine[]): void {
  for (const { name, disk } of stores) {
    if (!disk.keysNow.includes(keyOf(path, version)))
      world.violated("returns", `${when}: store ${name} lacks the current value of ${path}`);
  }
}

/** No store can open what it carries for others: nothing in the envelope is sealed to one. */
export async function checkBlind(
  world: World,
  path: string,
  version: string,
  stores: readonly Machine[],
): Promise<void> {
  const key = keyOf(path, version);
  for (const { name, disk } of stores) {
    const [record] = await disk.scan(key);
    if (record === undefined) continue;
    const { recipients } = readEnvelopeRecord(record.value).envelope;
    const seals = stores.map(
      ({ id }) =>
        running(world.machines[0] as Machine)
          .view()
          .nodes.get(id)?.seal ?? "",
    );
    if (recipients.some((recipient) => seals.includes(recipient)))
      world.violated("secrets", `store ${name} can open ${path}, which was sealed to others`);
    world.reached("a store carries what it cannot open");
  }
}

function keyOf(path: string, version: string): string {
  return `role/secret-store/${envelopeKey({ path, version })}`;
}

/** Values are for nobody's log, a report's neither. */
function inWords(world: World, text: string): string {
  return text.replace(world.marker, "the value");
}
