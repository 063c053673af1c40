import { equalJson, type Json } from "../../src/core/json.ts";
import type { View } from "../../src/core/view.ts";
import type { Machine } from "../machine.ts";
import type { Archive, Reference } from "../reference/archive.ts";
import type { World } from "../world.ts";

/**
 * At any moment: what a machine shows is what the pages of the protocol make of the entries that it has. Whatever is
 * forged, past a frontier or behind a fork is then nowhere to be seen, and whatever counts is nowhere missing.
 */
export function checkReference(world: World, archive: Archive, { name, agent }: Machine): void {
  if (agent === null) return;
  const reference = archive.referenceOf(agent.replica);
  const difference = differenceIn(reference, agent.view());
  if (difference !== null) world.violated("reference", `${name} ${difference}`);
  for (const [log, links] of reference.ledgers.kept) {
    const shown = agent.replica.fold.ledgers.get(log)?.links.at(-1)?.entry.id;
    const last = links.at(-1)?.id;
    if (shown !== last)
      world.violated(
        "reference",
        `${name} lets ${log.slice(0, 12)} count up to ${shown?.slice(0, 12)}, not ${last?.slice(0, 12)}`,
      );
  }
  noteWhatWasMet(world, reference, agent.view());
}

/** Null where both say the same. */
function differenceIn({ authority, ledgers }: Reference, view: View): string | null {
  for (const node of authority.nodes.values()) {
    const shown = view.nodes.get(node.id);
    const roles = [...(shown?.roles ?? [])].sort().join(" ");
    if (shown?.state !== node.state || roles !== node.roles.join(" ")) {
      return `shows node ${shown?.name} as ${shown?.state} with [${roles}], not as ${node.state} with [${node.roles.join(" ")}]`;
    }
  }
  const strangers = [...view.nodes.keys()].filter((id) => !authority.nodes.has(id));
  if (strangers.length > 0) return `shows ${strangers.length} nodes that nobody let in`;
  for (const { log, name, state } of view.operators) {
    const known = authority.logs.get(log);
    const isLive = known !== undefined && authority.known.has(log) && authority.cutsOf(known).length === 0;
    if (isLive !== (state === "live")) return `shows operator ${name} as ${state}`;
  }
  for (const [path, { value, entry, isContested }] of ledgers.paths) {
    const shown = view.desired(path);
    if (!equalJson(shown?.value, value as Json | undefined)) {
      return `has ${JSON.stringify(shown?.value)} at ${path}, not ${JSON.stringify(value)}`;
    }
    if (shown !== undefined && entry !== null && shown.entry !== entry) return `has ${path} from another entry`;
    if (isContested !== view.conflicts().some((conflict) => conflict.path === path)) {
      return isContested ? `shows no conflict at ${path}` : `shows a conflict at ${path}`;
    }
  }
  const invented = view.desiredUnder("").filter(([path]) => !ledgers.paths.has(path));
  return invented.length > 0 ? `shows ${invented[0]?.[0]}, which nothing that counts says` : null;
}

function noteWhatWasMet(world: World, { authority, ledgers }: Reference, view: View): void {
  world.reached("a view is held against the reference");
  if (view.operators.some(({ state }) => state === "cut")) world.reached("a view knows of an operator who was cut");
  if (view.voids().length > 0) world.reached("a view has something void");
  const forked = [...authority.logs.keys()].some((log) => ledgers.isForked(log));
  if (forked) world.reached("a view has proof of a fork");
}
