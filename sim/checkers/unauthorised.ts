import { toHex } from "../../src/core/bytes.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

/** At any moment: no honest machine shows a label that no honest hand gave, or holds an entry that none signed. */
export function checkNothingStolen(world: World): void {
  for (const machine of world.running) {
    checkLabels(world, machine);
    checkEntries(world, machine);
  }
}

function checkLabels(world: World, { name, agent }: Machine): void {
  const view = agent?.view();
  for (const node of view?.nodes.values() ?? []) {
    for (const label of view?.labelsOf(node.id) ?? []) {
      if (world.history.everLabelled(node.id, label)) continue;
      world.violated("unauthorised", `${name} shows ${node.name} with label ${label}, which nobody gave it`);
    }
  }
}

function checkEntries(world: World, { name, agent }: Machine): void {
  if (agent === null) return;
  const { graph, chains, observed } = agent.replica;
  for (const { id, key, name: author } of world.machines) {
    const report = observed.get(id);
    if (report?.state !== "record" || toHex(report.entry.header.key) === key) continue;
    world.violated("unauthorised", `${name} took a report about ${author} from another key`);
  }
  for (const { entry } of graph.entries) {
    if (!world.history.signed.has(entry.id)) {
      world.violated("unauthorised", `${name} admitted a forged ${entry.header.type} (${entry.id.slice(0, 12)})`);
    }
  }
  for (const chain of chains.values()) {
    if (chain.class !== CLASS_DESIRED) continue;
    for (const { entry } of chain.links()) {
      if (world.history.signed.has(entry.id)) continue;
      world.violated(
        "unauthorised",
        `${name} admitted a desired write that nobody honest signed (${entry.id.slice(0, 12)})`,
      );
    }
  }
}

/** At the end: labels and roles are exactly what honest hands gave, by their own record. */
export function checkLabelsAtEnd(world: World): void {
  for (const { name, agent } of world.machines) {
    if (agent === null) continue;
    const view = agent.view();
    for (const node of view.nodes.values()) {
      const [shown, given] = [view.labelsOf(node.id).join(" "), world.history.labelsOf(node.id).join(" ")];
      if (shown === given) continue;
      world.violated("unauthorised", `${name} shows ${node.name} with [${shown}], and it was given [${given}]`);
      return;
    }
  }
}

/** No machine was led to sign two different things under one number. */
export function checkOwnLogs(world: World): void {
  const ids = new Map(world.machines.map(({ id, name }) => [id, name]));
  for (const { name, agent } of world.machines) {
    for (const [log, { state }] of agent?.replica.observed ?? []) {
      const author = ids.get(log);
      if (state === "forked" && author !== undefined) {
        world.violated("own-logs", `${name} has proof that ${author} signed two reports of one version`);
      }
    }
    for (const chain of agent?.replica.chains.values() ?? []) {
      const author = ids.get(chain.log);
      if (chain.shape === "forked" && author !== undefined) {
        world.violated("own-logs", `${name} has proof that ${author} forked its log of class ${chain.class}`);
      }
    }
  }
}
