import { fromBase64Url, toBase64Url } from "../../core/bytes.ts";
import { LabError, NotFoundError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { isVersionId } from "../../core/secrets/version.ts";
import { CLASS_DESIRED } from "../../crdt/entry/entry.ts";
import { ledgerDocument } from "../../crdt/ledger/document.ts";
import { type Agent, observedHash } from "../agent.ts";
import { type Delivery, deliverEnvelope, restoreVersion } from "../secrets/handing-to-stores.ts";
import { listAlarmRoutes, listAlarms } from "./alarms.ts";
import { appliedHandlers } from "./applied.ts";
import { listApprovals } from "./approvals.ts";
import { listAudit } from "./audit.ts";
import { auditEntries, auditHeads } from "./audit-verify.ts";
import { listBackups, noteBackup } from "./backup.ts";
import { declarationState } from "./declaration-state.ts";
import { listAlerts, listGroups, listLabels, listSizes } from "./declared.ts";
import { listExposures } from "./exposures.ts";
import { listConflicts, listOperators, listPeers, listSecrets, listTokens } from "./lists.ts";
import { operatorContext } from "./operator-context.ts";
import { carryRead, challengeOf } from "./operator-reads.ts";
import { pingPeer } from "./ping.ts";
import { pullFromAll } from "./pull.ts";
import { isoTime, type ReadSource } from "./read-source.ts";
import { removalEnds, removalPreview } from "./removal.ts";
import { renderAlerts } from "./rendering.ts";
import { getServer, listServers } from "./servers.ts";
import { getStatus } from "./status.ts";
import { listSecretAccesses, listSecretFindings } from "./secret-audit.ts";
import { listSecretCache } from "./secret-cache.ts";
import { secretStatus, secretStoreStatus } from "./secret-status.ts";
import { listSecretVersions } from "./secret-versions.ts";
import { submitEntries } from "./submit.ts";
import { listVoids } from "./voids.ts";

/** `asker` is the actor of the audit; without it somebody at this machine. */
export type Handler = (input: never, asker?: string) => unknown;

/** Handlers of the reads that a replica answers, by operation. */
export function readHandlers(source: ReadSource): Readonly<Record<string, Handler>> {
  return {
    "server.list": (input: Parameters<typeof listServers>[1]) => listServers(source, input),
    "server.get": (input: { name: string }) => getServer(source, input),
    "peer.list": () => listPeers(source),
    "label.list": () => listLabels(source),
    "group.list": () => listGroups(source),
    "alarm.list": () => listAlarms(source),
    "alarm-route.list": () => listAlarmRoutes(source),
    "alert.list": () => listAlerts(source),
    ...appliedHandlers(source),
    "alert.render": (input: Parameters<typeof renderAlerts>[1]) => renderAlerts(source, input),
    "size.list": () => listSizes(source),
    "secret.list": () => listSecrets(source),
    "secret-version.list": (input: { path: string }) => listSecretVersions(source, null, input),
    "secret-access.list": (input: Parameters<typeof listSecretAccesses>[1]) => listSecretAccesses(source, input),
    "secret-finding.list": () => listSecretFindings(source),
    "secret-store-status.get": () => secretStoreStatus(source, null),
    "secret.exposures": () => listExposures(source),
    "token.list": () => listTokens(source),
    "operator.list": () => listOperators(source),
    "approval.list": () => listApprovals(source),
    "void.list": () => listVoids(source),
    "conflict.list": () => listConflicts(source),
    "audit.list": (input: Parameters<typeof listAudit>[1]) => listAudit(source, input),
    "audit.heads": () => auditHeads(source),
    "audit.entries": (input: Parameters<typeof auditEntries>[1]) => auditEntries(source, input),
    "backup.list": () => listBackups(source),
    "status.get": () => getStatus(source),
    "ledger.export": (input: { log: string }) => exportLedger(source, input),
    "declaration.state": (input: Parameters<typeof declarationState>[1]) => declarationState(source, input),
    "operator.context": (input: Parameters<typeof operatorContext>[1]) => operatorContext(source, input),
    "removal.ends": (input: Parameters<typeof removalEnds>[1]) => removalEnds(source, input),
    "removal.preview": (input: Parameters<typeof removalPreview>[1]) => removalPreview(source, input),
    health: () => ({ status: "ok", now: isoTime(source.nowMs()) }),
  };
}

/** Handlers of everything that a running agent does, values of secrets aside: those have a socket of their own. */
export function agentHandlers(agent: Agent): Readonly<Record<string, Handler>> {
  return {
    ...readHandlers(agentSource(agent)),
    "entry.submit": (input: { entries: string[] }, asker) => submitEntries(agent, input, asker),
    "peer.ping": (input: Parameters<typeof pingPeer>[2]) => pingPeer(agent, agentSource(agent), input),
    "backup.note": (input: Parameters<typeof noteBackup>[1], asker) => noteBackup(agent, input, asker),
    "secret-cache.list": () => listSecretCache(agentSource(agent), agent.cache),
    "secret-version.list": (input: { path: string }) => listSecretVersions(agentSource(agent), agent.mesh, input),
    "secret-status.get": () => secretStatus(agentSource(agent), agent.cache),
    "secret-store-status.get": () => secretStoreStatus(agentSource(agent), agent.mesh),
    "secret.restore": (input: { path: string; version: string }) => restore(agent, input),
    "secret.challenge": (input: Parameters<typeof challengeOf>[1]) => challengeOf(agent, input),
    "secret.read": (input: Parameters<typeof carryRead>[1]) => carryRead(agent, input),
    "mesh.pull": () => pullFromAll(agent, agentSource(agent)),
    "secret.deliver": (input: { path: string; version: string; envelope: string }) => deliver(agent, input),
  };
}

export function agentSource(agent: Agent): ReadSource {
  const { platform } = agent;
  return {
    replica: agent.replica,
    directory: agent.directory,
    keys: platform.keys,
    self: agent.self,
    definitions: agent.roles,
    hasPreSharedKey: agent.hasPreSharedKey,
    targeting: () => agent.targeting.current(),
    nowMs: () => platform.clock.now(),
    opinion: (key) => agent.mesh.opinion(key),
    observation: () => agent.observation(),
    verdict: (key) => agent.mesh.verdict(key),
    alarms: () => agent.alarms.alarms(),
    asOfMs: () => agent.asOfMs,
    ownAddresses: () => platform.link.addresses(),
    ownRoles: () => agent.roleReports,
    strangerTo: () => agent.mesh.strangerTo,
    observedHash: () => observedHash(agent),
    complaints: () => agent.complaints,
    exposures: () => agent.exposures.current,
    warnings: () => [...(agent.diskWarning === null ? [] : [agent.diskWarning]), ...agent.alarms.warnings()],
  };
}

async function exportLedger(source: ReadSource, { log }: { readonly log: string }): Promise<unknown> {
  await source.replica.makeWhole((chain) => chain.log === log);
  const chain = source.replica.chain(log, CLASS_DESIRED);
  if (chain === undefined) throw new NotFoundError("ledger", log);
  if (chain.letGo > 0) {
    throw new LabError("LedgerNotWhole", `the ledger begins at entry ${chain.letGo + 1} on this machine`, {
      hint: "ask a coordinator or a secret store for it: lab --peer",
    });
  }
  const updates = chain.main.map(({ entry }) => entry.payload);
  return { log, update: toBase64Url(await ledgerDocument(updates, log)) };
}

async function deliver(
  agent: Agent,
  input: { readonly path: string; readonly version: string; readonly envelope: string },
): Promise<unknown> {
  const envelope = fromBase64Url(input.envelope);
  if (envelope === null) throw new LabError("Invalid", "the envelope is not base64url", { field: "envelope" });
  return { stores: someOf(await deliverEnvelope(agent.view(), agent.mesh, envelope)) };
}

async function restore(agent: Agent, { path, version }: { readonly path: string; readonly version: string }) {
  requireSecretPath(path);
  if (!isVersionId(version)) throw new LabError("Invalid", "the version is not an entry's hash", { field: "version" });
  return { stores: someOf(await restoreVersion(agent.view(), agent.mesh, { path, version })) };
}

function someOf(stores: Delivery[]): Delivery[] {
  if (stores.length === 0) {
    throw new LabError("SecretUnavailable", "no machine has the label secret-store", {
      hint: "lab label server NODE secret-store",
    });
  }
  return stores;
}
