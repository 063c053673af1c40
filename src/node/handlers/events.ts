import { toHex } from "../../core/bytes.ts";
import type { Growth } from "../../crdt/admission.ts";
import { type Entry, isChain } from "../../crdt/entry/entry.ts";
import type { LabEvent } from "../../operations/kinds/event.ts";
import type { Agent, AgentEvent } from "../agent.ts";
import { operatorName } from "./lists.ts";
import { isoTime } from "./read-source.ts";

/** What an agent's watchers see, as the events of the API. */
export function apiEvents(agent: Agent, event: AgentEvent): LabEvent[] {
  const time = isoTime(agent.platform.clock.now());
  switch (event.event) {
    case "growth":
      return growthEvents(agent, event.growth, time);
    case "peer": {
      const name = agent.view().nodeByKey(event.key)?.name ?? event.key.slice(0, 12);
      const { online } = agent.mesh.opinion(event.key);
      return [{ event: "peer", id: `peer-${event.key.slice(0, 12)}-${time}`, data: { time, name, online } }];
    }
    case "alarm": {
      const { state, alarm } = event.change;
      const { id, kind, about, detail } = alarm;
      return [{ event: "alarm", id: `alarm-${id}-${time}`, data: { time, id, kind, about, state, detail } }];
    }
    case "roles": {
      const stateHash = toHex(agent.replica.stateHash());
      return [{ event: "view", id: `roles-${time}`, data: { time, stateHash } }];
    }
  }
}

function growthEvents(agent: Agent, growth: Growth, time: string): LabEvent[] {
  const entries = growth.entries.map((entry): LabEvent => {
    const log = toHex(entry.header.log);
    const data = { time, hash: entry.id, author: authorOf(agent, log), ...describe(entry) };
    return { event: "entry", id: entry.id, data };
  });
  const stateHash = toHex(agent.replica.stateHash());
  return [...entries, { event: "view", id: stateHash, data: { time, stateHash } }];
}

function authorOf(agent: Agent, log: string): string {
  const view = agent.view();
  const node = view.nodes.get(log);
  return node === undefined ? `operator:${operatorName(view, log)}` : `node:${node.name}`;
}

function describe(entry: Entry): { action: string; object: string } {
  if (entry.header.kind === "authority") return { action: `authority.${entry.header.type}`, object: "" };
  if (isChain(entry))
    return { action: entry.header.class === 1 ? "desired.write" : "audit.record", object: `#${entry.header.seq}` };
  return { action: "observed.report", object: `#${entry.header.seq}` };
}
