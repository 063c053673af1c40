import { recurringHex } from "../../src/core/recurring-hex.ts";
import { CLASS_DESIRED, type Entry } from "../../src/crdt/entry/entry.ts";
import { reportsOf } from "../../src/crdt/observed.ts";
import type { Agent } from "../../src/node/agent.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { type Shown, stolenLabels, wrongLabels } from "./shown.ts";

/** Lists of labels of which all were given: that stays so, and a view makes another list when it changes. */
const given = new WeakSet<readonly string[]>();

/** At any moment: no honest machine shows a label that no honest hand gave. */
export function checkNothingStolen(world: World): void {
  for (const { agent, name } of world.running) {
    const fresh = shownBy(agent).filter(({ labels }) => !given.has(labels));
    for (const stolen of stolenLabels(world.history, fresh)) world.violated("unauthorised", `${name} shows ${stolen}`);
    for (const one of fresh) if (stolenLabels(world.history, [one]).length === 0) given.add(one.labels);
  }
}

/** An entry that a machine has taken: desired state and authority come from honest hands, reports from their machine. */
export function checkEntry(world: World, { name }: Machine, { header, id }: Entry): void {
  const what = id.slice(0, 12);
  switch (header.kind) {
    case "authority":
      if (world.history.signed.has(id) || world.history.turned.has(id)) return;
      return world.violated("unauthorised", `${name} admitted a forged ${header.type} (${what})`);
    case "chain":
      if (header.class !== CLASS_DESIRED || world.history.signed.has(id) || world.history.turned.has(id)) return;
      return world.violated("unauthorised", `${name} admitted a desired write that nobody honest signed (${what})`);
    case "observed": {
      const log = recurringHex(header.log);
      const author = world.machineOf(log);
      if (author === undefined || author.key === recurringHex(header.key)) return;
      return world.violated("unauthorised", `${name} took a report about ${author.name} from another key (${what})`);
    }
  }
}

/** The same about all that a machine holds: what it read from its disk, too. */
export function checkEntries(world: World): void {
  for (const machine of world.running) {
    const { chains, graph, observed } = machine.agent?.replica ?? {};
    for (const { entry } of graph?.entries ?? []) checkEntry(world, machine, entry);
    for (const chain of chains?.values() ?? [])
      for (const { entry } of chain.links()) checkEntry(world, machine, entry);
    for (const state of observed?.values() ?? []) {
      for (const entry of reportsOf(state)) checkEntry(world, machine, entry);
    }
  }
}

/** At the end: labels and roles are exactly what honest hands gave, by their own record. */
export function checkLabelsAtEnd(world: World): void {
  for (const { name, agent } of world.machines) {
    const [wrong] = wrongLabels(world.history, shownBy(agent));
    if (wrong === undefined) continue;
    world.violated("unauthorised", `${name} shows ${wrong}`);
    return;
  }
}

function shownBy(agent: Agent | null): Shown[] {
  const view = agent?.view();
  return [...(view?.nodes.values() ?? [])].map(({ id, name }) => ({ id, name, labels: view?.labelsOf(id) ?? [] }));
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
