import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import type { Retention } from "../../src/crdt/retention.ts";
import { findFlaws } from "../../src/node/handlers/audit-verify.ts";
import { agentSource } from "../../src/node/handlers/index.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** An audit record, whoever has it still. */
export interface Written {
  readonly log: string;
  readonly seq: number;
  readonly atMs: number;
}

/** From a record's age to its end: machines look once an hour. */
const LOOK_MS = 65 * 60_000;
const KEEPER_ROLES = ["coordinator", "secret-store"];

/** Nobody signs two records of one number, however little is left of its log. */
export function checkNumbers(world: World, written: ReadonlyMap<string, Written>): void {
  const names = new Map(world.machines.map(({ id, name }) => [id, name]));
  const seen = new Set<string>();
  for (const { log, seq } of written.values()) {
    const number = `${log} ${seq}`;
    if (seen.has(number) && names.has(log)) world.violated("own-logs", `${names.get(log)} signed two records ${seq}`);
    seen.add(number);
  }
}

/** Everybody knows where every log ends, however little of it everybody has. */
export function checkEnds(world: World): void {
  const endsOf = ({ agent }: Machine) =>
    [...(agent?.replica.chains.values() ?? [])]
      .filter((chain) => chain.class === CLASS_AUDIT)
      .map(({ log, tips }) => `${log} ${tips.map(({ entry }) => entry.id).join()}`)
      .sort()
      .join("\n");
  const [first, ...others] = world.machines;
  if (first === undefined) return;
  for (const machine of others) {
    if (endsOf(machine) !== endsOf(first)) {
      world.violated("retention", `${machine.name} and ${first.name} disagree where audit logs end`);
    }
  }
}

/** What is young is on every machine, and what is old on none that need not keep it. */
export function checkAges(world: World, retention: Retention, written: ReadonlyMap<string, Written>): void {
  for (const machine of world.machines) {
    const { name, agent, id } = machine;
    if (agent === null) continue;
    const nowMs = machine.clock.now();
    const roles = agent.view().nodes.get(id)?.roles;
    const keepsAll = KEEPER_ROLES.some((role) => roles?.has(role) === true);
    let old = 0;
    for (const [entry, { log, seq, atMs }] of written) {
      const ageMs = nowMs - atMs;
      const holds = machine.holds(entry);
      // Whoever lost its disk, or was away for long, has what others had.
      const mustMs = keepsAll ? retention.keeperMs : retention.memberMs;
      if (ageMs < mustMs && !holds) world.violated("retention", `${name} lacks record ${seq} of ${log.slice(0, 8)}`);
      const mayMs = (keepsAll || log === id ? retention.keeperMs : retention.memberMs) + LOOK_MS;
      if (ageMs > mayMs && holds) old++;
    }
    const logs = new Set([...written.values()].map(({ log }) => log)).size;
    // The last old one of each log stays, as the proof.
    if (old > logs) world.violated("retention", `${name} keeps ${old} records that are too old`);
    if ([...agent.replica.chains.values()].some(({ letGo }) => letGo > 0)) world.reached("a log was trimmed");
  }
}

/** No machine takes what was let go of for cut. */
export async function checkVerifies(world: World): Promise<void> {
  for (const { name, agent } of world.machines) {
    if (agent === null) continue;
    const { flaws } = await world.until(findFlaws(agentSource(agent), [], agent.mayBeginBeforeMs));
    for (const { author, problem, seq, to } of flaws) {
      world.violated("retention", `${name} says of ${author} that ${seq} to ${to} is ${problem}`);
    }
  }
}
