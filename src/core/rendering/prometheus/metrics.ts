/** How Prometheus is asked for a metric, and how one of its own tests would feign it. */
export interface PrometheusMetric {
  /** A vector with the label `server` alone. `matchers` choose the servers. */
  readonly expression: (matchers: string) => string;
  /**
   * Series by which the expression has `value` at `atMinutes`: selector (`M` stands for the server's label) and values
   * in the notation of `promtool test rules`, a minute apart.
   */
  readonly series: (value: number, atMinutes: number) => readonly (readonly [string, string])[];
}

const steady = (value: number): string => `${value}+0x600`;
/** Grows so that its rate is `perSecond`. */
const counting = (perSecond: number): string => `0+${60 * perSecond}x600`;

/** A gauge of one or several series; `by` chooses the one that counts. */
function gauge(by: "max" | "min" | "sum", name: string, labels = ""): PrometheusMetric {
  const lead = labels === "" ? "" : `${labels},`;
  return {
    expression: (matchers) => `${by} by (server) (${name}{${lead}${matchers}})`,
    series: (value) => [[`${name}{${lead}M}`, steady(value)]],
  };
}

/** What is used of something, in percent, from gauges of what is free and of how much there is. */
function used(free: string, total: string, labels = ""): PrometheusMetric {
  const lead = labels === "" ? "" : `${labels},`;
  return {
    expression: (matchers) => `100 * max by (server) (1 - ${free}{${lead}${matchers}} / ${total}{${lead}${matchers}})`,
    series: (value) => [
      [`${free}{${sample(lead)}M}`, steady(1_000_000 - 10_000 * value)],
      [`${total}{${sample(lead)}M}`, steady(1_000_000)],
    ],
  };
}

/** A series that fits a matcher which excludes some values. */
function sample(labels: string): string {
  return labels.replaceAll(/(\w+)!~"[^"]*"/g, '$1="ext4"');
}

/** Seconds until the moment that a gauge names. */
function until(name: string): PrometheusMetric {
  return {
    expression: (matchers) => `min by (server) (${name}{${matchers}}) - time()`,
    series: (value, atMinutes) => [[`${name}{M}`, steady(60 * atMinutes + value)]],
  };
}

/** Seconds since the moment that a gauge names. */
function since(name: string): PrometheusMetric {
  return {
    expression: (matchers) => `time() - max by (server) (${name}{${matchers}})`,
    series: (value, atMinutes) => [[`${name}{M}`, steady(60 * atMinutes - value)]],
  };
}

/** A probe of the blackbox exporter. */
const probe = (job: string): PrometheusMetric => gauge("min", "probe_success", `job="${job}"`);
const FILE_SYSTEMS = 'fstype!~"tmpfs|ramfs|squashfs|overlay"';

/**
 * The names are those of the usual exporters: node, blackbox, postgres, postfix, DCGM, kube-state-metrics, Puppet's
 * report processor. Every scrape must set the label `server` to the server's name.
 */
export const PROMETHEUS_METRICS: Readonly<Record<string, PrometheusMetric>> = {
  server_up: gauge("min", "up", 'job="node"'),
  cpu_usage_percent: {
    expression: (m) => `100 * (1 - avg by (server) (rate(node_cpu_seconds_total{mode="idle",${m}}[5m])))`,
    series: (value) => [['node_cpu_seconds_total{mode="idle",cpu="0",M}', counting(1 - value / 100)]],
  },
  load_per_core: {
    expression: (m) =>
      `sum by (server) (node_load5{${m}}) / count by (server) (node_cpu_seconds_total{mode="idle",${m}})`,
    series: (value) => [
      ["node_load5{M}", steady(value)],
      ['node_cpu_seconds_total{mode="idle",cpu="0",M}', counting(1)],
    ],
  },
  memory_usage_percent: used("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
  swap_usage_percent: used("node_memory_SwapFree_bytes", "node_memory_SwapTotal_bytes"),
  disk_usage_percent: used("node_filesystem_avail_bytes", "node_filesystem_size_bytes", FILE_SYSTEMS),
  disk_inodes_percent: used("node_filesystem_files_free", "node_filesystem_files", FILE_SYSTEMS),
  disk_free_bytes: {
    expression: (m) => `min by (server) (node_filesystem_avail_bytes{${FILE_SYSTEMS},${m}})`,
    series: (value) => [['node_filesystem_avail_bytes{fstype="ext4",M}', steady(value)]],
  },
  disk_latency_seconds: {
    expression: (m) =>
      `max by (server) ((rate(node_disk_read_time_seconds_total{${m}}[5m]) + rate(node_disk_write_time_seconds_total{${m}}[5m])) / (rate(node_disk_reads_completed_total{${m}}[5m]) + rate(node_disk_writes_completed_total{${m}}[5m])))`,
    series: (value) => [
      ['node_disk_read_time_seconds_total{device="sda",M}', counting(value)],
      ['node_disk_write_time_seconds_total{device="sda",M}', counting(0)],
      ['node_disk_reads_completed_total{device="sda",M}', counting(1)],
      ['node_disk_writes_completed_total{device="sda",M}', counting(0)],
    ],
  },
  storage_iops: {
    expression: (m) =>
      `sum by (server) (rate(node_disk_reads_completed_total{${m}}[5m]) + rate(node_disk_writes_completed_total{${m}}[5m]))`,
    series: (value) => [
      ['node_disk_reads_completed_total{device="sda",M}', counting(value)],
      ['node_disk_writes_completed_total{device="sda",M}', counting(0)],
    ],
  },
  network_latency_seconds: gauge("max", "probe_icmp_duration_seconds", 'phase="rtt"'),
  packet_loss_percent: {
    expression: (m) => `100 * (1 - avg by (server) (avg_over_time(probe_success{job="icmp",${m}}[10m])))`,
    series: (value) => [['probe_success{job="icmp",M}', steady(1 - value / 100)]],
  },
  temperature_celsius: gauge("max", "node_hwmon_temp_celsius"),
  gpu_temp_celsius: gauge("max", "DCGM_FI_DEV_GPU_TEMP"),
  gpu_usage_percent: gauge("max", "DCGM_FI_DEV_GPU_UTIL"),
  clock_offset_seconds: {
    expression: (m) => `max by (server) (abs(node_timex_offset_seconds{${m}}))`,
    series: (value) => [["node_timex_offset_seconds{M}", steady(-value)]],
  },
  uptime_seconds: since("node_boot_time_seconds"),
  cert_expiry_seconds: until("probe_ssl_earliest_cert_expiry"),
  puppet_failed_resources: gauge("sum", "puppet_report_resources", 'name="Failed"'),
  puppet_run_age_seconds: since("puppet_report"),
  backup_age_seconds: since("backup_last_success_timestamp_seconds"),
  http_up: probe("http"),
  https_up: probe("https"),
  dns_up: probe("dns"),
  ssh_up: probe("ssh"),
  smtp_up: probe("smtp"),
  imap_up: probe("imap"),
  mail_queue_length: gauge("sum", "postfix_showq_message_size_bytes_count"),
  kubelet_up: gauge("min", "up", 'job="kubelet"'),
  node_ready: gauge("min", "kube_node_status_condition", 'condition="Ready",status="true"'),
  kube_api_up: gauge("min", "up", 'job="kube-apiserver"'),
  etcd_has_leader: gauge("min", "etcd_server_has_leader"),
  postgres_up: gauge("min", "pg_up"),
  postgres_replication_lag_seconds: gauge("max", "pg_replication_lag_seconds"),
  postgres_connections_percent: {
    expression: (m) =>
      `100 * sum by (server) (pg_stat_activity_count{${m}}) / max by (server) (pg_settings_max_connections{${m}})`,
    series: (value) => [
      ["pg_stat_activity_count{M}", steady(value)],
      ["pg_settings_max_connections{M}", steady(100)],
    ],
  },
  inference_latency_seconds: {
    expression: (m) =>
      `histogram_quantile(0.95, sum by (server, le) (rate(vllm:time_to_first_token_seconds_bucket{${m}}[5m])))`,
    // Within a bucket the quantile is interpolated: 95 % of the way to its end.
    series: (value) => [
      [`vllm:time_to_first_token_seconds_bucket{le="${value / 0.95}",M}`, counting(1)],
      ['vllm:time_to_first_token_seconds_bucket{le="+Inf",M}', counting(1)],
    ],
  },
};
