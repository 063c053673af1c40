import { fromHex } from "../core/bytes.ts";
import { isRoleLabel } from "../core/names.ts";
import { serverAttributePath, serverLabelPath } from "../core/paths.ts";
import type { KnownBody } from "../crdt/authority/bodies.ts";
import { roleBody, roleLogEnds, unroleBody } from "./authority.ts";
import type { Change } from "./change.ts";
import type { Subject } from "./requests.ts";
import type { Write } from "./write.ts";

/** What shall be signed, and the same in words. */
export interface Plan {
  readonly changes: Change[];
  readonly acts: KnownBody[];
  readonly writes: Write[];
}

export function emptyPlan(): Plan {
  return { changes: [], acts: [], writes: [] };
}

/** What shall be different about one server; what is not mentioned stays. */
export interface ServerWishes {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  /** Why labels are taken away; signed with the removal of a role. */
  readonly reason?: string;
  /** `null` takes the attribute away. */
  readonly attributes?: Readonly<Record<string, string | null>>;
}

/** The paths that such wishes can lead to, with `{name}` in place of the id. */
export function serverPaths(name: string, { add = [], remove = [], attributes = {} }: ServerWishes): string[] {
  const labels = [...add, ...remove].filter((label) => !isRoleLabel(label));
  return [
    ...labels.map((label) => serverLabelPath(`{${name}}`, label)),
    ...Object.keys(attributes).map((attribute) => serverAttributePath(`{${name}}`, attribute)),
  ];
}

/** Adds to a plan what is not so yet. Role labels are acts of authority, everything else is desired state. */
export function planServer(plan: Plan, name: string, subject: Subject, wishes: ServerWishes, nowMs: number): void {
  const { add = [], remove = [], attributes = {} } = wishes;
  for (const label of add) if (!subject.labels.includes(label)) addLabel(plan, name, subject, label, nowMs);
  for (const label of remove)
    if (subject.labels.includes(label)) removeLabel(plan, name, subject, label, nowMs, wishes.reason);
  for (const [attribute, value] of Object.entries(attributes)) {
    const from = subject.attributes[attribute] ?? null;
    if (from === value) continue;
    const action = from === null ? "create" : value === null ? "delete" : "update";
    plan.changes.push({ action, kind: "server", name, field: attribute, from, to: value, why: null });
    plan.writes.push({ path: serverAttributePath(subject.id, attribute), value: value ?? undefined });
  }
}

function addLabel(plan: Plan, name: string, { id }: Subject, label: string, nowMs: number): void {
  const isRole = isRoleLabel(label);
  const [action, field] = isRole ? (["grant", "role"] as const) : (["create", "label"] as const);
  plan.changes.push({ action, kind: "server", name, field, from: null, to: label, why: null });
  if (isRole) {
    plan.acts.push(roleBody(bytes(id), label, nowMs));
  } else {
    plan.writes.push({ path: serverLabelPath(id, label), value: true });
  }
}

function removeLabel(
  plan: Plan,
  name: string,
  subject: Subject,
  label: string,
  nowMs: number,
  reason: string | undefined,
): void {
  const isRole = isRoleLabel(label);
  const [action, field] = isRole ? (["revoke", "role"] as const) : (["delete", "label"] as const);
  plan.changes.push({ action, kind: "server", name, field, from: label, to: null, why: reason ?? null });
  if (isRole) {
    plan.acts.push(unroleBody(bytes(subject.id), label, roleLogEnds(subject.roles[label]), nowMs, reason));
  } else {
    plan.writes.push({ path: serverLabelPath(subject.id, label), value: undefined });
  }
}

function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`the agent's answer has no hash: ${hex}`);
  return found;
}
