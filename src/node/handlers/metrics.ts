import type { MeshCounters } from "../../mesh/counters.ts";
import { ALARM_KINDS } from "../../core/alarms/kinds.ts";
import type { Alarm } from "../../core/alarms/plan.ts";
import type { Agent } from "../agent.ts";
import type { ProcessReadings } from "../platform/process-readings.ts";
import { exposition, type Metric } from "./exposition.ts";

const COUNTED: { readonly [name in keyof MeshCounters]: readonly [metric: string, help: string] } = {
  dials: ["dials", "Connections that this agent tried to make."],
  dialFailures: ["dial_failures", "Connections that could not be made."],
  hangUps: ["hang_ups", "Connections that this agent ended."],
  refusedRequests: [
    "refused_requests",
    "Requests of peers that were not answered: not a member, no such channel, too many.",
  ],
  rounds: ["exchange_rounds", "Comparisons with a member that this agent began."],
  roundFailures: ["exchange_round_failures", "Comparisons that did not come to their end."],
  entriesReceived: ["entries_received", "Entries that exchanges brought."],
  entriesSent: ["entries_sent", "Entries that exchanges gave."],
  divergences: ["divergences", "Comparisons after which both sides had the same entries and saw them differently."],
  probes: ["probes", "Questions whether a connected member still answers."],
  probeFailures: ["probe_failures", "Such questions without an answer."],
  wordsSent: ["words_sent", "Broadcasts of this agent about who is there."],
  wordsHeard: ["words_heard", "Broadcasts of others about who is there."],
  broadcastsSent: ["broadcasts_sent", "Messages of entries that this agent spread."],
  broadcastsHeard: ["broadcasts_heard", "Messages of entries that came by gossip."],
  broadcastsDropped: [
    "broadcasts_dropped",
    "Messages of entries that were malformed or came faster than they are admitted.",
  ],
};

/** What the agent did since it started and what it holds now. Whatever should not grow with its age is a gauge here. */
export function metricsText(agent: Agent, reading: ProcessReadings): string {
  return exposition([...meshMetrics(agent), ...replicaMetrics(agent), ...processMetrics(reading)]);
}

function meshMetrics(agent: Agent): Metric[] {
  const { counters } = agent.mesh;
  const gauges = agent.mesh.gauges();
  const stats = agent.platform.link.stats();
  const counted = Object.entries(COUNTED) as [keyof MeshCounters, readonly [string, string]][];
  return [
    ...counted.map(([field, [name, help]]) => one(`lab_mesh_${name}_total`, help, counters[field])),
    one("lab_mesh_members", "Other members that are known.", gauges.members),
    one("lab_mesh_connected_members", "Members with a direct connection.", gauges.connected),
    one("lab_mesh_online_members", "Members that were heard of within the last moments.", gauges.online),
    one("lab_mesh_strangers", "Connections of machines that are no members.", gauges.strangers),
    one("lab_mesh_dialling", "Connections that are being made.", gauges.dialling),
    one("lab_mesh_queued_messages", "Messages of gossip that wait to be admitted.", gauges.admitting),
    one("lab_mesh_queued_bytes", "Size of the messages that wait to be admitted.", gauges.admittingBytes),
    one("lab_link_sent_bytes_total", "Bytes that were sent to peers.", stats.sentBytes),
    one("lab_link_received_bytes_total", "Bytes that peers sent.", stats.receivedBytes),
    one("lab_link_refused_total", "Connections that were turned away or ended by a limit.", stats.refusedConnections),
    one("lab_link_dropped_broadcasts_total", "Gossip beyond what a member may say.", stats.droppedBroadcasts),
    one("lab_link_connections", "Connections, strangers among them.", stats.connections),
    one("lab_link_half_open_connections", "Connections whose other end has not proved a key.", stats.halfOpen),
    one("lab_link_streams", "Streams of all connections.", stats.streams),
    one("lab_gossip_peers", "Members that gossip was started with.", stats.gossip.peers),
    one("lab_gossip_outbound_streams", "Streams that gossip writes to.", stats.gossip.outbound),
    one("lab_gossip_seen_messages", "Messages that are recognised when they come again.", stats.gossip.seen),
    one("lab_gossip_kept_messages", "Messages that are kept whole for whoever asks.", stats.gossip.kept),
  ];
}

function alarmMetric(alarms: readonly Alarm[]): Metric {
  const counts = new Map<string, number>(ALARM_KINDS.map((kind) => [kind, 0]));
  for (const { kind } of alarms) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const samples = [...counts].map(([kind, value]) => ({ labels: { kind }, value }));
  return { name: "lab_alarms", help: "Alarms that go on, by kind, as this peer sees them.", samples };
}

function replicaMetrics({ replica, roleReports, alarms }: Agent): Metric[] {
  const links = [...replica.chains.values()].reduce((sum, { size }) => sum + size, 0);
  const { entries, bytes } = replica.parked;
  return [
    {
      name: "lab_replica_entries",
      help: "Entries that are kept.",
      samples: [
        { labels: { plane: "authority" }, value: replica.graph.entries.length },
        { labels: { plane: "chains" }, value: links },
        { labels: { plane: "observed" }, value: replica.observed.size },
      ],
    },
    one("lab_replica_parked_entries", "Entries that wait for what they build on.", entries),
    one("lab_replica_parked_bytes", "Size of the entries that wait for what they build on.", bytes),
    one(
      "lab_replica_lost_records",
      "Records of the store that could not be read.",
      replica.missing + replica.damaged.length,
    ),
    alarmMetric(alarms.alarms()),
    {
      name: "lab_role_running",
      help: "1 for a role that runs here, 0 for one that should and fails.",
      samples: roleReports.map(({ label, state }) => ({ labels: { role: label }, value: state === "running" ? 1 : 0 })),
    },
  ];
}

/** Under the names that every client library of Prometheus gives them. */
function processMetrics(reading: ProcessReadings): Metric[] {
  return [
    one("process_start_time_seconds", "When the process started, in seconds of Unix time.", reading.startedSeconds),
    one("process_cpu_seconds_total", "Time on processors.", reading.cpuSeconds),
    one("process_resident_memory_bytes", "Memory that is not swapped out.", reading.residentBytes),
    ...(reading.openFiles === null ? [] : [one("process_open_fds", "Open file descriptors.", reading.openFiles)]),
    one("nodejs_heap_size_used_bytes", "Heap in use.", reading.heapUsedBytes),
    one("nodejs_heap_size_total_bytes", "Heap in all.", reading.heapTotalBytes),
    one("nodejs_external_memory_bytes", "Memory outside the heap, buffers among it.", reading.externalBytes),
    {
      name: "nodejs_active_resources",
      help: "What keeps the event loop alive: timers, sockets, servers.",
      samples: [...reading.resources].map(([type, value]) => ({ labels: { type }, value })),
    },
  ];
}

function one(name: string, help: string, value: number): Metric {
  return { name, help, samples: [{ value }] };
}
