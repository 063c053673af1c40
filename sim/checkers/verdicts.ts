import type { Agent } from "../../src/node/agent.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/**
 * After this long a machine that is down is known to be, by everybody who was there: connections are dead after 3 s,
 * whoever accuses alone waits for 12 s, and what gossip loses comes with the next turn.
 */
export const KNOWN_MS = 22_000;

/** Whatever is declared in a world, an alarm is worth waiting this long for. */
const ALARM_MS = 60_000;

/** At each change of a verdict. In a world where nothing goes wrong nobody is ever taken for gone. */
export function watchVerdicts(world: World, machine: Machine, { mesh }: Agent, isCalm: boolean): void {
  mesh.onVerdictChange((changed) => {
    if (changed === null) {
      if (mesh.isolation().state === "isolated") world.reached("a machine takes itself for the isolated one");
      const alarms = mesh.verdicts().filter(({ verdict }) => verdict === "alarm").length;
      if (mesh.isolation().state === "isolated" && alarms > 0) raised(world, machine, `keeps ${alarms} alarms`);
      return;
    }
    const about = world.machineWith(changed.member);
    if (about === undefined) return;
    const { verdict } = changed;
    if (verdict !== "unreachable" && verdict !== "alarm") return;
    if (isCalm) world.violated("verdicts", `${machine.name} takes ${about.name} for ${verdict}, and nothing is wrong`);
    if (verdict === "unreachable") {
      world.reached("a machine is unreachable");
      return;
    }
    world.reached("a machine is an alarm");
    if (mesh.isolation().state === "isolated") raised(world, machine, `raises an alarm about ${about.name}`);
    const forMs = world.clock.monotonic() - Math.max(about.sinceMs, machine.sinceMs, world.unkindMs);
    if (about.agent !== null && forMs > ALARM_MS) {
      world.violated("verdicts", `${machine.name} raises an alarm about ${about.name}, which runs and can be reached`);
    }
  });
}

function raised(world: World, { name }: Machine, what: string): void {
  world.violated("verdicts", `${name} takes itself for the isolated one and ${what}`);
}

/** Whoever is down for long is known to be, whatever anybody says; but for those whom the network is not kind to. */
export function checkDeadAreKnown(world: World): void {
  const nowMs = world.clock.monotonic();
  if (nowMs - world.unkindMs < KNOWN_MS) return;
  const dead = world.machines.filter(({ isDown, sinceMs }) => isDown && nowMs - sinceMs >= KNOWN_MS);
  const observers = world.running.filter(({ sinceMs }) => nowMs - sinceMs >= KNOWN_MS);
  for (const { name, agent } of observers) {
    for (const gone of dead) {
      const verdict = agent?.mesh.verdict(gone.key)?.verdict;
      world.reached("a machine is down for long");
      if (verdict !== "alive" && verdict !== "suspect") continue;
      world.violated("verdicts", `${name} takes ${gone.name} for ${verdict}, which is down`);
    }
  }
}

/** At the end: everybody takes everybody for alive, and nobody itself for cut off. */
export function checkVerdictsAtEnd(world: World): void {
  for (const { name, agent, key } of world.running) {
    if (agent === null) continue;
    const { state, seen, of } = agent.mesh.isolation();
    if (state === "isolated") world.violated("verdicts", `${name} takes itself for cut off: it sees ${seen} of ${of}`);
    const wrong = world.machines.filter((other) => {
      return other.key !== key && agent.mesh.verdict(other.key)?.verdict !== "alive";
    });
    if (wrong.length === 0) continue;
    const told = wrong.map((other) => `${other.name} for ${agent.mesh.verdict(other.key)?.verdict ?? "nobody"}`);
    world.violated("verdicts", `at the end ${name} takes ${told.join(", ")}`);
  }
}
