import { equalJson, type Json } from "../../core/json.ts";
import { type DeclaredServer, readDeclaredServer, writeDeclaredServer } from "../../core/model/server.ts";
import { isRoleLabel } from "../../core/names.ts";
import { declaredServerPath, serverAttributePath, serverLabelPath } from "../../core/paths.ts";
import type { Change } from "../change.ts";
import { compareMembers, compareRecords, type DeclarationPlan, planRemoval } from "./plan-record.ts";
import { toRecord, toSpec } from "./records.ts";
import type { ServerState } from "./state.ts";

/** Attributes by their name at a member, and by their name in its declaration. */
const ATTRIBUTES = [
  ["environment", "environment"],
  ["region", "region"],
  ["provider", "provider"],
  ["size", "size"],
  ["availability", "availability"],
  ["alarm_after", "alarmAfter"],
] as const;

/** Members of a declaration that a server has itself, once it is a member. */
const OWN = ["labels", ...ATTRIBUTES.map(([attribute]) => attribute)];

interface Pruning {
  readonly owner: string | null;
  readonly prune: boolean;
}

/**
 * A server is shared: files declare some of its labels, people and tokens give others. So its declaration only adds,
 * and keeps in mind what it once added; pruning takes exactly that away again.
 */
export function planServer(
  plan: DeclarationPlan,
  name: string,
  spec: unknown,
  state: ServerState | undefined,
  { owner, prune }: Pruning,
): void {
  const stands = (state?.record ?? undefined) as Json | undefined;
  const before = stands === undefined ? null : readDeclaredServer(name, stands, []);
  const wish = readDeclaredServer(name, toRecord("server", spec, { managedBy: owner, rest: before?.rest ?? {} }), []);
  const earlier = before?.managedBy === owner ? before : null;
  const value = writeDeclaredServer(prune || earlier === null ? wish : withEarlier(wish, earlier));
  const write = { path: declaredServerPath(name), value };
  if (state?.state === "active") {
    const changes = planMember(plan, name, state, wish, prune ? earlier : null);
    const told = compareMembers("server", name, toSpec("server", name, stands ?? {}), toSpec("server", name, value));
    const beside = told.filter(({ field }) => !OWN.includes(field ?? ""));
    plan.changes.push(...changes, ...beside);
    if (!equalJson(stands, value)) (changes.length + beside.length > 0 ? plan.writes : plan.notes).push(write);
  } else {
    plan.pending.push(name);
    const changes = compareRecords("server", name, stands, value);
    plan.changes.push(...changes.map((change) => ({ ...change, why: "pending" })));
    if (changes.length > 0) plan.writes.push(write);
  }
  if (!prune && earlier !== null) noteLeft(plan, name, wish, earlier);
}

/** Takes from a server what files with this mark gave it, and their declaration of it. */
export function releaseServer(
  plan: DeclarationPlan,
  name: string,
  state: ServerState,
  owner: string | null,
  why: string | null,
): void {
  const { record } = state;
  if (record === null) return;
  const earlier = readDeclaredServer(name, record as Json, []);
  if (state.state === "active" && earlier.managedBy === owner) {
    const nothing = readDeclaredServer(name, {}, []);
    plan.changes.push(...planMember(plan, name, state, nothing, earlier));
  }
  planRemoval(plan, "server", name, record as Json, why);
}

/**
 * What a person made of a member's declaration in an editor. What was shown and is gone was taken out by hand, whoever had
 * given it; of what files gave, that is no longer kept in mind, and what is new was not given by them.
 */
export function planMemberByHand(
  plan: DeclarationPlan,
  name: string,
  state: ServerState,
  spec: unknown,
  shown: unknown,
): void {
  const stands = (state.record ?? undefined) as Json | undefined;
  const before = readDeclaredServer(name, stands ?? {}, []);
  const made = (text: unknown) => readDeclaredServer(name, toRecord("server", text, before), []);
  const wish = made(spec);
  const changes = planMember(plan, name, state, wish, made(shown)).map((change) => ({ ...change, why: null }));
  const { puppetClasses, disksBytes } = wish;
  const kept = Object.fromEntries(ATTRIBUTES.map(([, member]) => [member, wish[member] && before[member]]));
  const labels = before.labels.filter((label) => wish.labels.includes(label));
  const value = writeDeclaredServer({ ...before, ...kept, labels, puppetClasses, disksBytes });
  const told = compareMembers("server", name, toSpec("server", name, stands ?? {}), toSpec("server", name, value));
  const beside = told.filter(({ field }) => !OWN.includes(field ?? ""));
  plan.changes.push(...changes, ...beside);
  if (!equalJson(stands ?? {}, value)) plan.writes.push({ path: declaredServerPath(name), value });
}

function planMember(
  plan: DeclarationPlan,
  name: string,
  { id, labels, attributes }: ServerState,
  wish: DeclaredServer,
  pruned: DeclaredServer | null,
): Change[] {
  const node = id ?? "";
  const changes: Change[] = [];
  for (const label of wish.labels) {
    if (labels.includes(label)) continue;
    if (isRoleLabel(label)) {
      plan.grants.push({ server: name, id: node, label });
      changes.push({ action: "grant", kind: "server", name, field: "role", from: null, to: label, why: null });
    } else {
      plan.writes.push({ path: serverLabelPath(node, label), value: true });
      changes.push({ action: "create", kind: "server", name, field: "label", from: null, to: label, why: null });
    }
  }
  for (const label of pruned?.labels ?? []) {
    if (wish.labels.includes(label) || !labels.includes(label)) continue;
    const why = "gone from the files";
    if (isRoleLabel(label)) {
      plan.revokes.push({ server: name, id: node, label });
      changes.push({ action: "revoke", kind: "server", name, field: "role", from: label, to: null, why });
    } else {
      plan.writes.push({ path: serverLabelPath(node, label), value: undefined });
      changes.push({ action: "delete", kind: "server", name, field: "label", from: label, to: null, why });
    }
  }
  for (const [attribute, member] of ATTRIBUTES) {
    const from = attributes[attribute] ?? null;
    // What somebody set to something else since is not what files gave.
    const goes = pruned !== null && pruned[member] !== null && pruned[member] === from;
    const to = wish[member] ?? (goes ? null : from);
    if (from === to) continue;
    const action = from === null ? "create" : to === null ? "delete" : "update";
    plan.writes.push({ path: serverAttributePath(node, attribute), value: to ?? undefined });
    const why = to === null ? "gone from the files" : null;
    changes.push({ action, kind: "server", name, field: attribute, from, to, why });
  }
  return changes;
}

/** A declaration together with what the same files declared before. */
function withEarlier(wish: DeclaredServer, earlier: DeclaredServer): DeclaredServer {
  return {
    ...wish,
    labels: [...new Set([...wish.labels, ...earlier.labels])].sort(),
    ...Object.fromEntries(ATTRIBUTES.map(([, member]) => [member, wish[member] ?? earlier[member]])),
  };
}

function noteLeft(plan: DeclarationPlan, name: string, wish: DeclaredServer, earlier: DeclaredServer): void {
  const labels = earlier.labels.filter((label) => !wish.labels.includes(label)).map((label) => `label ${label}`);
  const attributes = ATTRIBUTES.flatMap(([attribute, member]) =>
    earlier[member] !== null && wish[member] === null ? [attribute] : [],
  );
  for (const field of [...labels, ...attributes]) plan.left.push({ kind: "server", name, field });
}
