import { HLC_MAX_AHEAD_MS } from "../../src/core/hlc.ts";
import type { World } from "../world.ts";

/** At the end: of whoever signed two things under one number everybody has proof, or nobody has. */
export function checkFrozen(world: World): void {
  const { id } = world.hostile.member;
  const forked = world.running.filter(({ agent }) => agent?.replica.observed.get(id)?.state === "forked");
  if (forked.length > 0) world.reached("a machine that said two things has no report");
  if (forked.length === 0 || forked.length === world.running.length) return;
  const others = world.running.filter((machine) => !forked.includes(machine)).map(({ name }) => name);
  world.violated("frozen", `${others.join(", ")} still takes a report of the machine that signed two of one version`);
}

/** No honest operator was led to sign with a clock that is far ahead of the world's. */
export function checkClocks(world: World): void {
  const mostMs = world.clock.now() + HLC_MAX_AHEAD_MS;
  const wrong = world.history.writes.find(({ hlc }) => hlc.ms > mostMs);
  if (wrong !== undefined)
    world.violated("clocks", `${wrong.operator} signed at ${new Date(wrong.hlc.ms).toISOString()}`);
}
