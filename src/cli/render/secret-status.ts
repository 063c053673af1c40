import type { SecretStatus, SecretStoreStatus } from "../../operations/kinds/secret-report.ts";
import { ago, clockTime, NOTHING, span } from "./text.ts";
import { aligned } from "./tree.ts";
import { wrapped } from "./wrapped.ts";

type Reached = SecretStatus["stores"][number];
type Replica = SecretStoreStatus["replicas"][number];

export function secretStatusPage(
  { cache, overlaps = [], stores, coordinators, backup }: SecretStatus,
  nowMs: number,
): string[] {
  return [
    "SECRET DISTRIBUTION STATUS:",
    ...aligned([
      ["  Local cache:", printCache(cache, nowMs)],
      ...overlaps.map(({ path, until }) => ["  Overlap:", `– ${path} has two values until ${clockTime(until)}`]),
      ["  Secret store:", printReached(stores, "no machine has the label secret-store", nowMs)],
      ["  Coordinator:", printReached(coordinators, "no machine has the label coordinator", nowMs)],
      ["  Backup:", printBackup(backup)],
    ]).flatMap((line) => wrapped(line, 18)),
  ];
}

function printCache({ entitled, cached, fresh, oldest }: SecretStatus["cache"], nowMs: number): string {
  if (entitled === 0) return "– this machine is entitled to no secret";
  const mark = cached < entitled ? "✗" : fresh < cached ? "⚠" : "✓";
  const age = oldest === null ? "" : `, oldest ${span(Math.max(0, nowMs - Date.parse(oldest)))}`;
  const state = fresh === cached ? "fresh" : `${cached - fresh} stale`;
  return `${mark} ${cached} cached (of ${entitled} entitled), encrypted, ${state}${age}`;
}

function printReached(peers: readonly Reached[], none: string, nowMs: number): string {
  if (peers.length === 0) return `✗ ${none}`;
  const online = peers.filter((peer) => peer.online === "yes");
  const silent = peers.filter((peer) => peer.online !== "yes");
  const names = online.map(({ name }) => name).join(", ");
  const lost = silent.map(({ name, lastHeard }) => {
    return lastHeard === null ? `${name} never heard` : `${name} last heard ${ago(lastHeard, nowMs)}`;
  });
  if (online.length === 0) return `✗ unreachable (${lost.join(", ")})`;
  const what = `connected (${online.length} of ${peers.length}: ${names})`;
  return silent.length === 0 ? `✓ ${what}` : `⚠ ${what}; ${lost.join(", ")}`;
}

function printBackup(backup: SecretStatus["backup"]): string {
  if (backup === null) return "⚠ none was made (lab backup create PLACE)";
  const total = `${backup.secrets} ${backup.secrets === 1 ? "secret" : "secrets"}`;
  return `✓ last ${clockTime(backup.madeAt)} (${total})`;
}

export function secretStoresPage(
  { replicas, total, backup, consumers, operators = [] }: SecretStoreStatus,
  nowMs: number,
): string[] {
  const healthy = replicas.filter(({ state }) => state === "synced").length;
  const width = "  Total secrets:   ".length;
  const fact = (name: string, text: string) => wrapped(`  ${name}:`.padEnd(width) + text, width - 2);
  const machines = (count: number) => `${count} ${count === 1 ? "machine" : "machines"}`;
  const users = consumers.map(({ label, machines: count, secrets }) => [
    `    ${label === "*" ? "* (all enrolled)" : label} (${machines(count)})`,
    `→ ${secrets} ${secrets === 1 ? "secret" : "secrets"} each`,
  ]);
  const readers = operators.map(({ name, secrets }) => [
    `    operator ${name}`,
    `→ ${secrets} ${secrets === 1 ? "secret" : "secrets"}`,
  ]);
  const consuming = [...users, ...readers];
  return [
    "SECRET STORE:",
    ...fact("Replicas", `${healthy}/${replicas.length} healthy`),
    ...aligned(replicas.map((replica) => printReplica(replica, nowMs))).flatMap((line) => wrapped(line, 6)),
    ...fact("Backup", printBackup(backup)),
    ...fact("Total secrets", String(total)),
    "  Entitled consumers:",
    ...(consuming.length === 0 ? ["    none: no label declares a secret"] : aligned(consuming)),
  ];
}

function printReplica({ name, provider, state, held, current, toWrap, lastHeard }: Replica, nowMs: number): string[] {
  const total = `${current} ${current === 1 ? "secret" : "secrets"}`;
  const is = {
    synced: ["✓ synced", `${total} (all)`],
    filling: ["… filling", `${held} of ${total}`],
    rewrapping: ["… wrapping", `${toWrap} to wrap anew, ${total} (all)`],
    unvouched: ["⚠ unvouched", `${total} (all); nobody vouches that it is up to date`],
    silent: ["✗ silent", lastHeard === null ? "never heard" : `last heard ${ago(lastHeard, nowMs)}`],
  }[state];
  return [`    ${name}`, provider ?? NOTHING, ...is];
}
