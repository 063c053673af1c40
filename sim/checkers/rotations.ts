import { fromBase64Url } from "../../src/core/bytes.ts";
import { isVersionId } from "../../src/core/secrets/version.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** A version that some store signed, as the first machine saw it. */
export interface MadeVersion {
  readonly entry: string;
  readonly path: string;
  /** Hex of the role log. */
  readonly log: string;
  /** By the clock of the store. */
  readonly atMs: number;
}

/** No two versions of a path that knew of each other are closer together than its time: never early, never twice. */
export function checkNotEarly(world: World, made: readonly MadeVersion[], everyMs: number): void {
  const inOrder = [...made].sort((a, b) => a.atMs - b.atMs);
  for (const [i, version] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before === undefined || version.atMs - before.atMs >= everyMs) continue;
    const gap = Math.round((version.atMs - before.atMs) / 1000);
    world.violated("rotation", `${version.path} was made anew ${gap} s after it had been made`);
  }
}

/** Everybody who runs has the same current version, which every store of them holds and each of `readers` can read. */
export async function checkOneWinner(
  world: World,
  path: string,
  machines: readonly Machine[],
  readers: readonly Machine[],
): Promise<string | null> {
  const winners = new Map<string, string[]>();
  for (const { name, agent } of machines) {
    const entry = agent?.view().desired(`version/${path}`)?.entry ?? "none";
    winners.set(entry, [...(winners.get(entry) ?? []), name]);
  }
  const [winner = "none"] = winners.keys();
  if (winners.size !== 1 || !isVersionId(winner)) {
    const told = [...winners].map(([entry, names]) => `${entry.slice(0, 8)}: ${names.join(", ")}`);
    world.violated("rotation", `${path} has not one current version: ${told.join("; ")}`);
    return null;
  }
  for (const { name, agent } of machines) {
    if (agent?.view().nodes.get(agent.node)?.roles.has("secret-store") !== true) continue;
    const keys = await agent.platform.disk.scan(`role/secret-store/envelope/${path}@${winner}`);
    if (keys.length === 0) world.violated("rotation", `store ${name} lacks the current value of ${path}`);
  }
  for (const { name, agent } of readers) {
    const read = agent === null ? null : await world.until(agent.cache.get(path).catch(() => null));
    if (read?.version === winner) world.canaries.add(Buffer.from(read.value.reveal()).toString("latin1"));
    else world.violated("rotation", `${name} cannot read the current value of ${path}`);
  }
  return winner;
}

/** The values that were read stand on no disk in the clear. What was sent in the clear is seen where it is sent. */
export async function checkCanaries(world: World): Promise<void> {
  for (const { name, disk } of world.machines) {
    for (const { key, value } of await disk.scan("")) {
      const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
      if ([...world.canaries].some((canary) => text.includes(canary))) {
        world.violated("secrets", `the disk of ${name} has a value in the clear (${key})`);
      }
    }
  }
}

/** Null for what is no version. */
export function readMade(entry: string, log: string, path: string, value: unknown): MadeVersion | null {
  if (!path.startsWith("version/") || typeof value !== "object" || value === null) return null;
  const { at, commit } = value as { readonly at?: unknown; readonly commit?: unknown };
  if (typeof at !== "number" || typeof commit !== "string" || fromBase64Url(commit)?.length !== 32) return null;
  return { entry, log, path: path.slice("version/".length), atMs: at };
}
