import { equalBytes } from "../../src/core/bytes.ts";
import type { VoidState } from "../../src/core/voids.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { running } from "../hands.ts";

/** It knows that it is a member no more, runs no role, holds no secret in memory and none on its disk, be it sealed. */
export function isGone(machine: Machine): boolean {
  const { agent, disk } = machine;
  if (agent === null) return false;
  return (
    agent.removal !== null &&
    agent.view().nodes.get(machine.id)?.state === "cut" &&
    agent.roleReports.length === 0 &&
    agent.cache.list().length === 0 &&
    !disk.keysNow.some((key) => key.startsWith("secret-cache/value/")) &&
    !hasEnvelopes(machine)
  );
}

/** Of everybody's secrets, as a store keeps them. */
export function hasEnvelopes({ disk }: Machine): boolean {
  return disk.keysNow.some((key) => key.startsWith("role/secret-store/envelope/"));
}

/** All of these make the same of what they know. */
export function agree(machines: readonly Machine[]): boolean {
  const [first, ...others] = machines.map(({ agent }) => agent?.replica.stateHash());
  return first !== undefined && others.every((hash) => hash !== undefined && equalBytes(hash, first));
}

export function checkAgree(world: World, when: string, machines: readonly Machine[]): void {
  if (!agree(machines)) world.violated("convergence", `${when}: the members do not agree`);
}

/** Exactly these labels on a server, wherever one looks. */
export function checkLabels(
  world: World,
  when: string,
  { at, server, labels }: { at: readonly Machine[]; server: string; labels: readonly string[] },
  check = "removals",
): void {
  for (const machine of at) {
    const shown = running(machine).view().labelsOf(server).join(" ");
    if (shown !== [...labels].sort().join(" ")) {
      world.violated(check, `${when}: ${machine.name} shows [${shown}], and [${labels.join(" ")}] counts`);
    }
  }
}

/** What became of something that was signed and has no effect, wherever one looks; null: nothing void is shown of it. */
export function checkVoid(
  world: World,
  when: string,
  { at, entry, state }: { at: readonly Machine[]; entry: string; state: VoidState | null },
): void {
  for (const machine of at) {
    const shown = running(machine)
      .view()
      .voids()
      .find((act) => act.entry === entry);
    if ((shown?.state ?? null) !== state) {
      world.violated("removals", `${when}: ${machine.name} shows a void act as ${shown?.state}, and it is ${state}`);
    }
  }
}
