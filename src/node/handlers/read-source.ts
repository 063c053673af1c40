import type { Alarm } from "../../core/alarms/plan.ts";
import type { Exposure } from "../../core/exposure/exposure.ts";
import type { Complaint } from "../../core/alarms/findings.ts";
import { isoTime } from "../../core/iso-time.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { PeerOpinion } from "../../core/ports/mesh.ts";
import type { MemberVerdict } from "../../core/ports/verdict.ts";
import type { RoleDefinition } from "../../core/ports/role.ts";
import type { NodeReport } from "../../core/report.ts";
import type { Targeting } from "../../core/targeting/targeting.ts";
import type { Replica } from "../../crdt/replica.ts";
import type { Meta } from "../../operations/kinds/meta.ts";
import type { Observation } from "../alarms/observation.ts";
import type { NodeDirectory } from "../directory.ts";

/** What reads are answered from: a running agent, or a home whose agent does not run. */
export interface ReadSource {
  readonly replica: Replica;
  readonly directory: NodeDirectory;
  readonly keys: Keys;
  readonly self: { readonly id: string; readonly key: string };
  readonly definitions: readonly RoleDefinition[];
  /** Connections begin with a key that tokens have to carry. */
  readonly hasPreSharedKey: boolean;
  /** What applies where now. */
  targeting(): Targeting;
  nowMs(): number;
  opinion(key: string): PeerOpinion;
  /** The same in the words of the failure detector; null where no agent runs, and of this peer itself. */
  verdict(key: string): MemberVerdict | null;
  /** What this peer thinks of the others; null where no agent runs that could think anything. */
  observation(): Observation | null;
  /** When this replica last completed an exchange with another member; null if it has not since it started. */
  asOfMs(): number | null;
  /** Where this agent listens now; empty when it does not run. */
  ownAddresses(): readonly string[];
  /** Roles that run here now. */
  ownRoles(): NodeReport["roles"];
  observedHash(): string;
  /** What people are to be told of. */
  alarms(): readonly Alarm[];
  /** What is wrong with this machine, as far as it can know. */
  complaints(): readonly Complaint[];
  /** What those have who left; empty where no agent runs that would watch it. */
  exposures(): readonly Exposure[];
  /** Keys of members that take this machine for a stranger; empty where no agent runs. */
  strangerTo(): readonly string[];
  warnings(): readonly string[];
}

export { isoTime };

export function selfName(source: ReadSource): string {
  return source.replica.view().nodes.get(source.self.id)?.name ?? "this machine";
}

/** Whose answer it is and how fresh (`cli.md`, Output). */
export function metaOf(source: ReadSource): Meta {
  const view = source.replica.view();
  const others = [...view.nodes.values()].filter(({ state, key }) => state === "active" && key !== source.self.key);
  const behind = others
    .map((node) => ({ node, opinion: source.opinion(node.key) }))
    .filter(({ opinion }) => opinion.online !== "yes")
    .map(({ node, opinion }) => ({
      peer: node.name,
      lastHeard: opinion.lastHeardMs === null ? null : isoTime(opinion.lastHeardMs),
    }));
  const { newest } = source.replica;
  const asOfMs = others.length === 0 ? source.nowMs() : (source.asOfMs() ?? newest.ms);
  return {
    peer: selfName(source),
    asOf: isoTime(asOfMs),
    newest: newest.ms === 0 ? null : isoTime(newest.ms),
    behind,
  };
}
