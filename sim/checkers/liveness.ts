import { roles } from "../../src/roles/catalogue.ts";
import type { World } from "../world.ts";

/** Some software acts on it. */
const isKnown = (label: string) => roles.some(({ name }) => name === label);

/** At the end: everybody takes everybody for there, and roles run where labels say, and nowhere else. */
export function checkLiveness(world: World): void {
  for (const machine of world.machines) {
    const { agent, name } = machine;
    if (agent === null) {
      world.violated("liveness", `${name} does not run`);
      continue;
    }
    const missed = world.machines.filter(({ key }) => key !== machine.key && agent.mesh.opinion(key).online !== "yes");
    if (missed.length > 0) {
      world.violated("liveness", `${name} does not know that ${missed.map((other) => other.name).join(", ")} is there`);
    }
    const wanted = [...world.history.rolesOf(machine.id)].filter(isKnown).sort().join(" ");
    const reports = agent.roleReports;
    const running = reports
      .map(({ label }) => label)
      .sort()
      .join(" ");
    if (running !== wanted) world.violated("liveness", `${name} runs [${running}] and should run [${wanted}]`);
    for (const { state, label, detail } of reports) {
      if (state === "failing") world.violated("liveness", `${label} fails on ${name}: ${detail}`);
    }
  }
}
