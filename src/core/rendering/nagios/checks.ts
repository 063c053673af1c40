import type { Op } from "../../alerts/condition.ts";
import type { Severity } from "../../model/alert.ts";

/** A command of the monitoring plugins and its arguments, in the order of `$ARG1$`, `$ARG2$` … */
export interface Check {
  readonly command: string;
  readonly args: readonly string[];
}

/** Commands that checks use. `$USER1$` is where the plugins are; what only the machine itself can see is asked by ssh. */
export const COMMANDS: Readonly<Record<string, string>> = {
  "lab-ping": "$USER1$/check_ping -H $HOSTADDRESS$ -w $ARG1$ -c $ARG2$ -p 5",
  "lab-http": "$USER1$/check_http -H $HOSTADDRESS$",
  "lab-https": "$USER1$/check_http -H $HOSTADDRESS$ -S --sni",
  "lab-certificate": "$USER1$/check_http -H $HOSTADDRESS$ -S --sni -C $ARG1$",
  "lab-dns": "$USER1$/check_dig -H $HOSTADDRESS$ -l . -T NS",
  "lab-ssh": "$USER1$/check_ssh -H $HOSTADDRESS$",
  "lab-smtp": "$USER1$/check_smtp -H $HOSTADDRESS$",
  "lab-imap": "$USER1$/check_imap -H $HOSTADDRESS$ -p 993 -S",
  "lab-postgres": "$USER1$/check_pgsql -H $HOSTADDRESS$",
  "lab-clock": "$USER1$/check_ntp_time -H $HOSTADDRESS$ -w $ARG1$ -c $ARG2$",
  "lab-disk": plugin("check_disk -w $ARG1$ -c $ARG2$ -l -X tmpfs -X devtmpfs -X overlay -X squashfs"),
  "lab-inodes": plugin("check_disk -W $ARG1$ -K $ARG2$ -l -X tmpfs -X devtmpfs -X overlay -X squashfs"),
  "lab-load": plugin("check_load -r -w $ARG1$,$ARG1$,$ARG1$ -c $ARG2$,$ARG2$,$ARG2$"),
  "lab-swap": plugin("check_swap -w $ARG1$ -c $ARG2$"),
  "lab-mailq": plugin("check_mailq -w $ARG1$ -c $ARG2$"),
};

function plugin(call: string): string {
  return `$USER1$/check_by_ssh -H $HOSTADDRESS$ -C "/usr/lib/nagios/plugins/${call}"`;
}

/** The check that tells when a metric is beyond a threshold; null where the plugins have none for it. */
export type CheckMaker = (op: Op, value: number, severity: Severity) => Check | null;

/** It is as it should be, or it is not: the plugin says critical. */
const answers =
  (command: string, ...args: string[]): CheckMaker =>
  (op, value) =>
    (op === "==" && value === 0) || (op === "!=" && value === 1) || (op === "<" && value === 1)
      ? { command, args }
      : null;

/** Too much of something; `threshold` puts the number as the plugin wants it. */
const over =
  (command: string, threshold: (value: number) => string, never: string): CheckMaker =>
  (op, value, severity) =>
    op === ">" || op === ">=" ? { command, args: levels(severity, threshold(value), never) } : null;

const under =
  (command: string, threshold: (value: number) => string, never: string): CheckMaker =>
  (op, value, severity) =>
    op === "<" || op === "<=" ? { command, args: levels(severity, threshold(value), never) } : null;

/** Warning and critical threshold: one is the alert's, the other one is never reached. */
function levels(severity: Severity, threshold: string, never: string): string[] {
  // A plugin wants the critical one beyond the warning one: for a critical alert both are the same.
  return severity === "critical" ? [threshold, threshold] : [threshold, never];
}

const FREE_PERCENT = (used: number): string => `${100 - used}%`;
const MEBIBYTES = (bytes: number): string => String(Math.ceil(bytes / 2 ** 20));

export const NAGIOS_CHECKS: Readonly<Record<string, CheckMaker>> = {
  server_up: answers("lab-ping", "3000.0,80%", "5000.0,100%"),
  http_up: answers("lab-http"),
  https_up: answers("lab-https"),
  dns_up: answers("lab-dns"),
  ssh_up: answers("lab-ssh"),
  smtp_up: answers("lab-smtp"),
  imap_up: answers("lab-imap"),
  postgres_up: answers("lab-postgres"),
  disk_usage_percent: over("lab-disk", FREE_PERCENT, "0%"),
  disk_inodes_percent: over("lab-inodes", FREE_PERCENT, "0%"),
  disk_free_bytes: under("lab-disk", MEBIBYTES, "0"),
  swap_usage_percent: over("lab-swap", FREE_PERCENT, "0%"),
  load_per_core: over("lab-load", String, "1000"),
  mail_queue_length: over("lab-mailq", (value) => String(Math.ceil(value)), "1000000"),
  clock_offset_seconds: over("lab-clock", String, "100000"),
  network_latency_seconds: over("lab-ping", (value) => `${(1000 * value).toFixed(1)},100%`, "60000.0,100%"),
  packet_loss_percent: over("lab-ping", (value) => `60000.0,${Math.ceil(value)}%`, "60000.0,100%"),
  cert_expiry_seconds: (op, value, severity) => {
    const days = String(Math.ceil(value / 86_400));
    if (op !== "<" && op !== "<=") return null;
    return { command: "lab-certificate", args: [severity === "critical" ? `${days},${days}` : `${days},0`] };
  },
};
