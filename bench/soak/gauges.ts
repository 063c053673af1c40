import { join } from "node:path";
import { bytesUnder } from "../bytes-under.ts";
import { askText, type BenchNode } from "../fleet.ts";
import type { Gauge } from "./verdict.ts";

/** A signed entry with its indices on disk, what the replica keeps of it in memory, and of that its own bytes. */
const STORED_BYTES = 2_048;
const REMEMBERED_BYTES = 2_048;
const ENTRY_BYTES = 1_024;

const flat = (name: string, unit: Gauge["unit"] = ""): Gauge => ({ name, unit, growth: { kind: "flat" } });

/** What should not grow with the age of an agent, or only as its history does. */
export const GAUGES: readonly Gauge[] = [
  { name: "resident memory", unit: "bytes", growth: { kind: "with entries", perEntry: REMEMBERED_BYTES } },
  { name: "heap in use", unit: "bytes", growth: { kind: "with entries", perEntry: REMEMBERED_BYTES } },
  { name: "memory outside the heap", unit: "bytes", growth: { kind: "with entries", perEntry: ENTRY_BYTES } },
  { name: "store", unit: "bytes", growth: { kind: "with entries", perEntry: STORED_BYTES } },
  flat("file descriptors"),
  flat("handles"),
  flat("timers"),
  flat("connections"),
  flat("streams"),
  flat("gossip streams"),
  flat("messages that gossip remembers"),
  flat("messages that wait"),
  flat("entries that wait"),
];

export const ENTRIES = "entries";

/** One reading of everything at an agent. */
export async function read({ socket, home }: BenchNode): Promise<ReadonlyMap<string, number>> {
  const metrics = parseMetrics(await askText(socket, "/metrics"));
  const value = (name: string): number => sumOf(metrics, name);
  return new Map([
    [ENTRIES, value("lab_replica_entries")],
    ["resident memory", value("process_resident_memory_bytes")],
    ["heap in use", value("nodejs_heap_size_used_bytes")],
    ["memory outside the heap", value("nodejs_external_memory_bytes")],
    ["store", bytesUnder(join(home, "store"))],
    ["file descriptors", value("process_open_fds")],
    ["handles", value("nodejs_active_resources") - timersOf(metrics)],
    ["timers", timersOf(metrics)],
    ["connections", value("lab_link_connections")],
    ["streams", value("lab_link_streams")],
    ["gossip streams", value("lab_gossip_outbound_streams")],
    ["messages that gossip remembers", value("lab_gossip_seen_messages")],
    ["messages that wait", value("lab_mesh_queued_messages")],
    ["entries that wait", value("lab_replica_parked_entries")],
  ]);
}

/** Samples of the text format, by name with labels. */
function parseMetrics(text: string): ReadonlyMap<string, number> {
  const samples = [...text.matchAll(/^([a-z_]+(?:\{[^}]*\})?) (\S+)$/gm)];
  return new Map(samples.map(([, name = "", value]) => [name, Number(value)]));
}

function sumOf(metrics: ReadonlyMap<string, number>, name: string): number {
  const own = [...metrics].filter(([sample]) => sample === name || sample.startsWith(`${name}{`));
  if (own.length === 0) throw new Error(`the agent has no gauge ${name}`);
  return own.reduce((sum, [, value]) => sum + value, 0);
}

function timersOf(metrics: ReadonlyMap<string, number>): number {
  return metrics.get('nodejs_active_resources{type="Timeout"}') ?? 0;
}
