import type { World } from "../../sim/world.ts";

export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
}

/** Sent by all machines: questions, answers and copies of broadcasts. */
export function trafficOf({ machines, network }: World): Traffic {
  const { requests, broadcastsSent } = network.counters;
  const bytes = machines.reduce((sum, { agent }) => sum + (agent?.platform.link.stats().sentBytes ?? 0), 0);
  return { messages: 2 * requests + broadcastsSent, bytes };
}

/** Per machine and second. */
export function since(before: Traffic, after: Traffic, machines: number, ms: number): Traffic {
  const share = (value: number): number => (value * 1000) / machines / ms;
  return { messages: share(after.messages - before.messages), bytes: share(after.bytes - before.bytes) };
}
