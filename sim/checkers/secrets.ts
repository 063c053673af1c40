import type { World } from "../world.ts";
import { SECRETS_OF } from "../workload.ts";

/** No value stands on any disk in the clear, and nobody holds one who was never entitled to it. */
export async function checkSecrets(world: World): Promise<void> {
  const needle = Buffer.from(world.marker);
  // What many disks have is there once.
  const clean = new Set<Uint8Array>();
  for (const { name, disk } of world.machines) {
    for (const [key, value] of disk.recordsNow) {
      if (clean.has(value)) continue;
      if (!Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes(needle)) {
        clean.add(value);
      } else world.violated("secrets", `the disk of ${name} has a value in the clear (${key})`);
    }
  }
  for (const { agent, id, name } of world.machines) {
    for (const { path } of agent?.cache.list() ?? []) {
      world.reached("a machine holds a secret");
      if (wasEverEntitled(world, id, path)) continue;
      world.violated("secrets", `${name} holds ${path} and never had a label that opens it`);
    }
  }
}

/** At the end: whoever is entitled can read the current value, and nobody else can. */
export async function checkReadable(world: World): Promise<void> {
  for (const { agent, id, name } of world.machines) {
    if (agent === null) continue;
    const labels = world.history.labelsOf(id);
    for (const path of Object.values(SECRETS_OF).flat()) {
      const entitled = world.history.openersOf(path).some((label) => labels.includes(label));
      const expected = world.history.winner(`version/${path}`)?.entry;
      const version = await world.until(
        agent.cache.get(path).then(
          ({ version: found, value }) => {
            const isTrue = Buffer.from(value.reveal()).toString() === world.history.values.get(found);
            if (!isTrue) world.violated("secrets", `${name} takes another value of ${path} than its writer's`);
            return found;
          },
          () => null,
        ),
      );
      if (!entitled && version !== null) world.violated("secrets", `${name} reads ${path} and is not entitled to it`);
      if (entitled && version !== null && version === expected) world.reached("a secret is read at the end");
      // A version whose value reached no store has none to read; then the one before is as good as any.
      if (entitled && version !== expected && world.history.delivered.has(expected ?? "")) {
        const found = version === null ? "no value" : "an old version";
        world.violated("secrets", `${name} finds ${found} of ${path}, whose current one a store has`);
      }
    }
  }
}

/** Whether any honest hand ever gave the server a label that opens the path. */
export function wasEverEntitled(world: World, server: string, path: string): boolean {
  return grantingLabels(world, path).some((label) => world.history.everLabelled(server, label));
}

/** Whatever is declared besides, what the workload's labels open never changes. */
function grantingLabels(world: World, path: string): string[] {
  const own = Object.keys(SECRETS_OF).filter((label) => SECRETS_OF[label]?.includes(path));
  return own.length > 0 ? own : world.history.openersOf(path);
}
