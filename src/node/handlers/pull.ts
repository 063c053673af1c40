import type { OutputOf } from "../../operations/operation.ts";
import type { meshPullOperation } from "../../operations/pull.ts";
import type { Agent } from "../agent.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** Whoever takes longer is told as silent; its entries come when they come. */
const PULL_MS = 8_000;
const ASKED_FIRST = { yes: 0, unknown: 1, no: 2 } as const;

/** Asks every other member for what this one lacks. */
export async function pullFromAll(agent: Agent, source: ReadSource): Promise<OutputOf<typeof meshPullOperation>> {
  const { clock } = agent.platform;
  const others = [...agent.view().nodes.values()]
    .filter(({ state, key }) => state === "active" && key !== source.self.key)
    .map((node) => ({ node, opinion: agent.mesh.opinion(node.key) }))
    // A few are asked at once: those that do not answer keep nobody waiting who does.
    .sort((a, b) => ASKED_FIRST[a.opinion.online] - ASKED_FIRST[b.opinion.online]);
  const end = Promise.withResolvers<null>();
  const timer = clock.after(PULL_MS, () => end.resolve(null));
  const members = await Promise.all(
    others.map(async ({ node, opinion }) => {
      const outcome = await Promise.race([agent.mesh.catchUp(node.key), end.promise]);
      const { lastHeardMs } = opinion;
      const state = outcome === null ? ("silent" as const) : ("asked" as const);
      return { name: node.name, state, lastHeard: lastHeardMs === null ? null : isoTime(lastHeardMs) };
    }),
  );
  timer.cancel();
  return { meta: metaOf(source), members: members.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
