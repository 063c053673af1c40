import type { Severity } from "../model/alert.ts";

/** What makes an alert apply without anybody having declared it. A label can list any of them by name besides. */
export type Trigger =
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "port"; readonly port: number }
  /** Every server whose size is known. */
  | { readonly kind: "size" }
  /** Every member: it has a certificate. */
  | { readonly kind: "identity" }
  /** Every member: it is meant to apply what it is told. */
  | { readonly kind: "enrollment" };

export interface CatalogueAlert {
  readonly condition: string;
  readonly severity: Severity;
  readonly forSeconds: number;
  readonly summary: string;
  readonly triggers: readonly Trigger[];
}

const POSTGRES: readonly Trigger[] = [{ kind: "class", name: "postgresql::server" }];

function alert(
  severity: Severity,
  condition: string,
  forSeconds: number,
  summary: string,
  triggers: readonly Trigger[] = [],
): CatalogueAlert {
  return { condition, severity, forSeconds, summary, triggers };
}

/** Alerts that exist without a declaration. A declared alert of the same name takes the place of the one here. */
export const CATALOGUE: Readonly<Record<string, CatalogueAlert>> = {
  cpu_threshold: alert("warning", "cpu_usage_percent > 90", 600, "processors are busy", [{ kind: "size" }]),
  memory_threshold: alert("warning", "memory_usage_percent > 90", 600, "memory is used up", [{ kind: "size" }]),
  cert_expiry: alert("warning", "cert_expiry_seconds < 14d", 0, "a certificate expires", [{ kind: "identity" }]),
  puppet_run_failed: alert("warning", "puppet_failed_resources > 0", 0, "the last Puppet run failed", [
    { kind: "enrollment" },
  ]),
  http_health: alert("critical", "http_up == 0", 120, "HTTP does not answer", [{ kind: "port", port: 80 }]),
  https_health: alert("critical", "https_up == 0", 120, "HTTPS does not answer", [{ kind: "port", port: 443 }]),
  dns_health: alert("critical", "dns_up == 0", 120, "DNS does not answer", [{ kind: "port", port: 53 }]),
  smtp_connect: alert("critical", "smtp_up == 0", 120, "SMTP does not answer"),
  imap_connect: alert("critical", "imap_up == 0", 120, "IMAP does not answer"),
  mail_queue_length: alert("warning", "mail_queue_length > 500", 600, "mail is not leaving"),
  kubelet_healthy: alert("critical", "kubelet_up == 0", 120, "the kubelet is not healthy"),
  node_ready: alert("critical", "node_ready == 0", 300, "the node is not ready"),
  api_server_down: alert("critical", "kube_api_up == 0", 60, "the API server does not answer"),
  etcd_no_leader: alert("critical", "etcd_has_leader == 0", 60, "etcd has no leader"),
  postgres_process: alert("critical", "postgres_up == 0", 60, "PostgreSQL takes no connections", POSTGRES),
  postgres_replication_lag: alert(
    "warning",
    "postgres_replication_lag_seconds > 30s",
    300,
    "a replica is far behind",
    POSTGRES,
  ),
  postgres_connections: alert(
    "warning",
    "postgres_connections_percent > 80",
    300,
    "connections are nearly used up",
    POSTGRES,
  ),
  disk_space_low: alert("warning", "disk_usage_percent > 85", 300, "a file system is nearly full"),
  storage_iops: alert("warning", "storage_iops > 10000", 600, "disks are asked too much"),
  network_latency_high: alert("critical", "network_latency_seconds > 100ms", 300, "the network is slow"),
  gpu_temperature: alert("critical", "gpu_temp_celsius > 80", 120, "a GPU is hot"),
  inference_latency: alert("warning", "inference_latency_seconds > 2s", 300, "the model answers slowly"),
};
