import { toHex } from "../../core/bytes.ts";
import type { Diagnostic } from "../../core/model/diagnostic.ts";
import { RECOVERY_CODE_PATH } from "../../core/paths.ts";
import type { View } from "../../core/view.ts";
import type { Status } from "../../operations/kinds/status.ts";
import { metaOf, type ReadSource, selfName } from "./read-source.ts";
import { allServers } from "./servers.ts";

/** How this peer sees the mesh: who is there, which roles run, and what does not work until a missing one is back. */
export function getStatus(source: ReadSource): unknown {
  const view = source.replica.view();
  const members = allServers(source).filter(({ id, identity }) => id !== null && identity.state !== "failed");
  const running = new Set(members.flatMap(({ roles }) => roles));
  const contested = [...view.nodes.values()].filter(
    ({ state, naming }) => state === "active" && naming === "contested",
  );
  const conflicts = view.conflicts().length;
  const forked = [...source.replica.chains.values()].filter(({ shape }) => shape === "forked");
  const warnings = [
    ...source.warnings(),
    ...contested.map(({ name }) => `the name "${name}" is contested: rename or revoke one of its machines`),
    ...(conflicts > 0 ? [`${conflicts} value(s) were written on both sides of a cut: lab get conflicts`] : []),
    ...forked.map(({ log }) => `log ${log.slice(0, 12)} has two histories and is frozen where they part`),
    ...recoveryWarnings(view),
    ...declarationWarnings(source.targeting().diagnostics),
    ...(source.replica.damaged.length + source.replica.missing > 0
      ? [
          `${source.replica.damaged.length + source.replica.missing} record(s) of the store were lost and are asked for again`,
        ]
      : []),
  ];
  const item: Status = {
    peer: selfName(source),
    mesh: view.mesh,
    meshName: view.meshName,
    stateHash: toHex(source.replica.stateHash()),
    observedHash: source.observedHash(),
    members: members.length,
    online: members.filter(({ online }) => online === "yes").length,
    roles: [...running].sort(),
    missingRoles: source.definitions
      .filter(({ name }) => !running.has(name) && isExpected(name, source))
      .map(({ name, missingEffect }) => ({ role: name, effect: missingEffect })),
    warnings,
  };
  return { kind: "Status", meta: metaOf(source), item };
}

/** So many are told one by one: whoever has more of them does not read further. */
const MOST_TOLD = 5;

/** What arrived and does not fit together: nobody could refuse it, so that everybody says so. Hints are no warnings. */
function declarationWarnings(diagnostics: readonly Diagnostic[]): string[] {
  const wrong = diagnostics.filter(({ code }) => code !== "undeclared");
  const told = wrong.slice(0, MOST_TOLD).map(({ kind, name, message }) => `${kind} ${name}: ${message}`);
  const more = wrong.length - told.length;
  return more === 0 ? told : [...told, `${more} more of the declarations do not fit together`];
}

function recoveryWarnings(view: View): string[] {
  if (view.recovery === null) return ["there is no recovery code: a lost operator key cannot be replaced"];
  if (view.desired(RECOVERY_CODE_PATH) === undefined) return [];
  return ["nobody has written the recovery code down: lab operator recovery set, where the founder's key is"];
}

/** Coordinator and store are missed always; another role only where somebody was given it. */
function isExpected(role: string, source: ReadSource): boolean {
  return role === "coordinator" || role === "secret-store" || source.replica.view().holders(role).length > 0;
}
