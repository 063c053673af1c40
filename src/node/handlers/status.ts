import { findingsOf } from "../../core/alarms/findings.ts";
import type { AlarmKind } from "../../core/alarms/kinds.ts";
import { toHex } from "../../core/bytes.ts";
import type { Diagnostic } from "../../core/model/diagnostic.ts";
import { RECOVERY_CODE_PATH } from "../../core/paths.ts";
import type { View } from "../../core/view.ts";
import type { Status } from "../../operations/kinds/status.ts";
import { meshFacts, missingRoles, ownComplaints, runningRoles } from "../alarms/facts.ts";
import { removalOf } from "../../crdt/removal.ts";
import { doubtOf, shutDoors } from "../doctor/mesh-checks.ts";
import { ledgerSizes } from "../ledger-sizes.ts";
import { describeRemoval, REJOIN } from "../removal-watch.ts";
import { metaOf, type ReadSource, selfName } from "./read-source.ts";
import { allServers } from "./servers.ts";

/** How this peer sees the mesh: who is there, which roles run, and what does not work until a missing one is back. */
export function getStatus(source: ReadSource): unknown {
  const view = source.replica.view();
  const members = allServers(source).filter(({ id, identity }) => id !== null && identity.state !== "failed");
  const conflicts = view.conflicts().length;
  const facts = meshFacts(source);
  const findings = findingsOf(facts).filter(({ kind }) => !TOLD_ELSEWHERE.includes(kind));
  // Whoever is isolated keeps quiet about the others; what is wrong here is known here. So it is where no member is known.
  const own = facts.isolated !== null || isUnknown(source) ? ownComplaints(source) : [];
  const ledgers = ledgerSizes(source);
  const warnings = [
    ...removalWarnings(source),
    ...unknownWarnings(source),
    ...ledgers.filter(({ begins }) => begins !== undefined && begins.doubt !== null).map(doubtOf),
    ...strangerWarnings(source),
    ...source.warnings(),
    ...findings.map(({ detail }) => detail),
    ...own.map(({ detail }) => `${selfName(source)}: ${detail}`),
    ...(conflicts > 0 ? [`${conflicts} value(s) were written on both sides of a cut: lab get conflicts`] : []),
    ...trustWarnings(view),
    ...recoveryWarnings(view),
    ...declarationWarnings(source.targeting().diagnostics),
  ];
  const item: Status = {
    peer: selfName(source),
    mesh: view.mesh,
    meshName: view.meshName,
    stateHash: toHex(source.replica.stateHash()),
    observedHash: source.observedHash(),
    members: members.length,
    online: members.filter(({ online }) => online === "yes").length,
    roles: [...runningRoles(source)].sort(),
    missingRoles: [...missingRoles(source)],
    alarms: source.alarms().filter(({ acknowledged }) => acknowledged === null).length,
    ledgers,
    warnings,
  };
  return { kind: "Status", meta: metaOf(source), item };
}

/** Who is away, and which roles are, has a place of its own. */
const TOLD_ELSEWHERE: readonly AlarmKind[] = ["unreachable", "role-missing"];

/** So many are told one by one: whoever has more of them does not read further. */
const MOST_TOLD = 5;

/** What arrived and does not fit together: nobody could refuse it, so that everybody says so. Hints are no warnings. */
function declarationWarnings(diagnostics: readonly Diagnostic[]): string[] {
  const wrong = diagnostics.filter(({ code }) => code !== "undeclared");
  const told = wrong.slice(0, MOST_TOLD).map(({ kind, name, message }) => `${kind} ${name}: ${message}`);
  const more = wrong.length - told.length;
  return more === 0 ? told : [...told, `${more} more of the declarations do not fit together`];
}

/** Before everything else: what follows is what the mesh was when this machine was a member. */
function removalWarnings({ replica, self }: ReadSource): string[] {
  const removal = removalOf(replica, self.key);
  return removal === null ? [] : [`this machine was ${describeRemoval(removal)}; ${REJOIN}`];
}

/** Whoever is connected counts as online, also where the other end compares nothing. */
function strangerWarnings(source: ReadSource): string[] {
  const shut = shutDoors(source);
  return shut === null ? [] : [`${shut.what}: ${shut.fix}`];
}

/** Nothing here says that this machine is a member: its store lost that, or it is still to come. */
function isUnknown({ replica, self }: ReadSource): boolean {
  return !replica.view().nodes.has(self.id);
}

function unknownWarnings(source: ReadSource): string[] {
  if (!isUnknown(source)) return [];
  return [
    "this machine is not in what it knows of the mesh: peers give again what is missing; where there are none: lab backup restore PLACE",
  ];
}

/** What waits for an operator's word. */
function trustWarnings(view: View): string[] {
  const pending = view.pending().length;
  const unadopted = view.voids().filter(({ state }) => state === "unadopted").length;
  return [
    ...(pending > 0 ? [`${pending} act(s) wait for more signatures: lab get approvals`] : []),
    ...(unadopted > 0 ? [`${unadopted} signed thing(s) are void, and nobody has adopted them: lab audit adopt`] : []),
  ];
}

function recoveryWarnings(view: View): string[] {
  // Then the beginning of the mesh is missing, and with it whether there is one.
  if (view.operators.length === 0) return [];
  if (view.recovery === null) return ["there is no recovery code: a lost operator key cannot be replaced"];
  if (view.desired(RECOVERY_CODE_PATH) === undefined) return [];
  return ["nobody has written the recovery code down: lab operator recovery set, where the founder's key is"];
}
