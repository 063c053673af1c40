import { equalJson, type Json } from "../../core/json.ts";
import type { JsonMap } from "../../core/model/record-reader.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { Change } from "../change.ts";
import type { Write } from "../write.ts";
import { keptOf, recordPath, toRecord, toSpec } from "./records.ts";

/** A role label that comes or goes: an act of authority. */
export interface RoleChange {
  readonly server: string;
  /** Hex of the node's log. */
  readonly id: string;
  readonly label: string;
}

/** What would be signed, and the same in words. Made of declarations and state alone. */
export interface DeclarationPlan {
  readonly changes: Change[];
  readonly writes: Write[];
  /** What files declare of servers that have it all already: kept in mind when something else is written. */
  readonly notes: Write[];
  readonly grants: RoleChange[];
  readonly revokes: RoleChange[];
  /** Records that go. */
  readonly removed: { readonly kind: Kind; readonly name: string }[];
  /** Servers that are declared and no members. */
  readonly pending: string[];
  /** Bears the mark, stands in no file, and stays, because nobody said `--prune`. */
  readonly left: { readonly kind: Kind; readonly name: string; readonly field: string | null }[];
  /** What these files say nothing about, by kind. */
  readonly unmanaged: { readonly kind: Kind; readonly count: number; readonly names: readonly string[] }[];
}

export function emptyPlan(): DeclarationPlan {
  return {
    changes: [],
    writes: [],
    notes: [],
    grants: [],
    revokes: [],
    removed: [],
    pending: [],
    left: [],
    unmanaged: [],
  };
}

/** A record that is replaced whole, told by its members. */
export function planRecord(
  plan: DeclarationPlan,
  kind: Kind,
  name: string,
  before: Json | undefined,
  spec: unknown,
  owner: string | null,
): void {
  const rest = before === undefined ? {} : keptOf(kind, name, before).rest;
  const value = toRecord(kind, spec, { managedBy: owner, rest });
  const changes = compareRecords(kind, name, before, value);
  if (changes.length === 0) return;
  plan.changes.push(...changes);
  plan.writes.push({ path: recordPath(kind, name), value });
}

/**
 * Where two records say something different, in the words of files. What only looks different is no difference, nor is
 * whose files say it: a mark changes with what is said, never alone, so that two hands that say the same change nothing.
 */
export function compareRecords(kind: Kind, name: string, before: Json | undefined, after: Json): Change[] {
  const now = toSpec(kind, name, after);
  if (before === undefined) {
    return [{ action: "create", kind, name, field: null, from: null, to: now, why: null }];
  }
  const changes = compareMembers(kind, name, toSpec(kind, name, before), now);
  const [from, to] = [keptOf(kind, name, before).managedBy, keptOf(kind, name, after).managedBy];
  if (changes.length === 0 || from === null || from === to) return changes;
  return [...changes, { action: "update", kind, name, field: "managed_by", from, to, why: null }];
}

export function compareMembers(kind: Kind, name: string, before: JsonMap, after: JsonMap): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field): Change[] => {
    const [from, to] = [before[field] ?? null, after[field] ?? null];
    if (equalJson(from, to)) return [];
    const action = from === null ? "create" : to === null ? "delete" : "update";
    return [{ action, kind, name, field, from, to, why: null }];
  });
}

export function planRemoval(plan: DeclarationPlan, kind: Kind, name: string, value: Json, why: string | null): void {
  plan.changes.push({ action: "delete", kind, name, field: null, from: toSpec(kind, name, value), to: null, why });
  plan.writes.push({ path: recordPath(kind, name), value: undefined });
  plan.removed.push({ kind, name });
}
