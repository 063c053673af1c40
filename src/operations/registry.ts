import {
  alertAppliedOperation,
  groupAppliedOperation,
  labelAppliedOperation,
  secretAppliedOperation,
  serverAppliedOperation,
  serverTargetsOperation,
} from "./applied.ts";
import { agentReadyOperation, healthOperation, openApiOperation } from "./agent.ts";
import { alarmListOperation, alarmRouteListOperation } from "./alarm.ts";
import { alertListOperation } from "./alert.ts";
import { approvalListOperation } from "./approval.ts";
import { auditEntriesOperation, auditHeadsOperation, auditVerifyOperation } from "./audit-verify.ts";
import { auditListOperation } from "./audit.ts";
import { checkListOperation } from "./check.ts";
import { backupListOperation, backupMakeOperation, backupNoteOperation } from "./backup.ts";
import { conflictListOperation } from "./conflict.ts";
import { declarationStateOperation } from "./declaration.ts";
import { entrySubmitOperation } from "./entry.ts";
import { eventStreamOperation } from "./event.ts";
import { exposureListOperation } from "./exposure.ts";
import { groupListOperation } from "./group.ts";
import { labelListOperation } from "./label.ts";
import { ledgerExportOperation } from "./ledger.ts";
import { metricsOperation } from "./metrics.ts";
import type { Operation } from "./operation.ts";
import { operatorContextOperation, operatorListOperation } from "./operator.ts";
import { peerListOperation } from "./peer.ts";
import { peerPingOperation } from "./ping.ts";
import { alertRenderOperation } from "./rendering.ts";
import { meshPullOperation } from "./pull.ts";
import { removalEndsOperation, removalPreviewOperation } from "./removal.ts";
import {
  secretCacheListOperation,
  secretChallengeOperation,
  secretDeliverOperation,
  secretListOperation,
  secretReadOperation,
  secretValueOperation,
} from "./secret.ts";
import {
  secretAccessListOperation,
  secretFindingListOperation,
  secretRestoreOperation,
  secretStatusOperation,
  secretStoreStatusOperation,
  secretVersionListOperation,
} from "./secret-report.ts";
import { serverGetOperation, serverListOperation } from "./server.ts";
import { sizeListOperation } from "./size.ts";
import { statusGetOperation } from "./status.ts";
import { tokenListOperation } from "./token.ts";
import { voidListOperation } from "./void.ts";

export { openApiDocument } from "./openapi.ts";

/** Everything that an agent can be asked: one list, from which its API, the reference and OpenAPI are derived. */
export const operations: readonly Operation[] = [
  serverListOperation,
  serverGetOperation,
  peerListOperation,
  peerPingOperation,
  labelListOperation,
  groupListOperation,
  alertListOperation,
  alarmListOperation,
  alarmRouteListOperation,
  alertRenderOperation,
  serverAppliedOperation,
  serverTargetsOperation,
  labelAppliedOperation,
  groupAppliedOperation,
  alertAppliedOperation,
  secretAppliedOperation,
  sizeListOperation,
  secretListOperation,
  secretVersionListOperation,
  secretAccessListOperation,
  secretFindingListOperation,
  secretStatusOperation,
  secretStoreStatusOperation,
  exposureListOperation,
  secretCacheListOperation,
  tokenListOperation,
  operatorListOperation,
  approvalListOperation,
  voidListOperation,
  conflictListOperation,
  auditListOperation,
  auditHeadsOperation,
  auditVerifyOperation,
  auditEntriesOperation,
  backupListOperation,
  backupMakeOperation,
  backupNoteOperation,
  statusGetOperation,
  checkListOperation,
  eventStreamOperation,
  ledgerExportOperation,
  declarationStateOperation,
  operatorContextOperation,
  entrySubmitOperation,
  meshPullOperation,
  removalEndsOperation,
  removalPreviewOperation,
  secretDeliverOperation,
  secretRestoreOperation,
  secretChallengeOperation,
  secretReadOperation,
  secretValueOperation,
  healthOperation,
  agentReadyOperation,
  metricsOperation,
  openApiOperation,
];

export interface RouteMatch {
  readonly operation: Operation;
  /** The segments that the path names, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** The operation that a request means; nothing when no path matches or an escape in it is malformed. */
export function matchRoute(method: string, path: string): RouteMatch | undefined {
  for (const { operation, pattern } of routes) {
    if (operation.method !== method) continue;
    const match = pattern.exec(path);
    if (!match) continue;
    try {
      const params = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
      return { operation, params: Object.fromEntries(params) as Record<string, string> };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

const routes = operations.map((operation) => ({ operation, pattern: patternOf(operation.path) }));

function patternOf(path: string): RegExp {
  const source = path
    .replace(/[.]/g, "[.]")
    .replace(/\{(\w+)\+\}/g, "(?<$1>.+)")
    .replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^${source}$`);
}
