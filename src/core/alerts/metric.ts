/**
 * - `percent`: 0 to 100 · `seconds` · `bytes` · `celsius` · `count`: how many · `state`: 1 when it is as it should be, else 0
 */
export type MetricUnit = "percent" | "seconds" | "bytes" | "celsius" | "count" | "state";

export interface Metric {
  readonly unit: MetricUnit;
  readonly summary: string;
}

/** What a condition can ask of a server. A renderer says for each what its backend calls it, or that it cannot tell. */
export const METRICS: Readonly<Record<string, Metric>> = {
  server_up: { unit: "state", summary: "its exporter or agent answers" },
  cpu_usage_percent: { unit: "percent", summary: "share of all processors that is busy" },
  load_per_core: { unit: "count", summary: "load average of five minutes, by cores" },
  memory_usage_percent: { unit: "percent", summary: "memory that is not available" },
  swap_usage_percent: { unit: "percent", summary: "swap in use" },
  disk_usage_percent: { unit: "percent", summary: "of the fullest file system" },
  disk_free_bytes: { unit: "bytes", summary: "of the file system with the least" },
  disk_inodes_percent: { unit: "percent", summary: "inodes in use, where most are" },
  disk_latency_seconds: { unit: "seconds", summary: "of a request to the slowest disk" },
  storage_iops: { unit: "count", summary: "requests a second to all disks" },
  network_latency_seconds: { unit: "seconds", summary: "round trip to its gateway" },
  packet_loss_percent: { unit: "percent", summary: "to its gateway" },
  temperature_celsius: { unit: "celsius", summary: "of the hottest sensor" },
  gpu_temp_celsius: { unit: "celsius", summary: "of the hottest GPU" },
  gpu_usage_percent: { unit: "percent", summary: "of the busiest GPU" },
  clock_offset_seconds: { unit: "seconds", summary: "distance of its clock from true time" },
  uptime_seconds: { unit: "seconds", summary: "since it started" },
  cert_expiry_seconds: { unit: "seconds", summary: "until its first certificate expires" },
  puppet_failed_resources: { unit: "count", summary: "resources that the last Puppet run could not apply" },
  puppet_run_age_seconds: { unit: "seconds", summary: "since the last Puppet run" },
  backup_age_seconds: { unit: "seconds", summary: "since the last good backup" },
  http_up: { unit: "state", summary: "port 80 answers a request" },
  https_up: { unit: "state", summary: "port 443 answers a request" },
  dns_up: { unit: "state", summary: "port 53 answers a question" },
  ssh_up: { unit: "state", summary: "port 22 greets" },
  smtp_up: { unit: "state", summary: "port 25 greets" },
  imap_up: { unit: "state", summary: "port 993 greets" },
  mail_queue_length: { unit: "count", summary: "messages that wait to be sent" },
  kubelet_up: { unit: "state", summary: "the kubelet says that it is healthy" },
  node_ready: { unit: "state", summary: "its cluster says that the node is ready" },
  kube_api_up: { unit: "state", summary: "its API server answers" },
  etcd_has_leader: { unit: "state", summary: "its etcd member knows a leader" },
  postgres_up: { unit: "state", summary: "PostgreSQL takes connections" },
  postgres_replication_lag_seconds: { unit: "seconds", summary: "how far it is behind its primary" },
  postgres_connections_percent: { unit: "percent", summary: "connections in use, of those allowed" },
  inference_latency_seconds: { unit: "seconds", summary: "until an answer of the model begins" },
};

/** Systems that conditions are rendered for. */
export const BACKENDS = ["prometheus", "nagios", "cloudwatch"] as const;
export type Backend = (typeof BACKENDS)[number];

/** What a number may be followed by, and how much of the metric's unit one of it is. */
export const UNIT_FACTORS: Readonly<Record<MetricUnit, Readonly<Record<string, number>>>> = {
  percent: { "%": 1 },
  seconds: { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 },
  bytes: {
    ...{ B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15 },
    ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50 },
  },
  celsius: { C: 1, "°C": 1 },
  count: { k: 1e3, M: 1e6 },
  state: {},
};
