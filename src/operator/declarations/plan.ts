import type { Json } from "../../core/json.ts";
import { declaredKinds, type Kind } from "../../operations/declarations/registry.ts";
import { type DeclarationPlan, emptyPlan, planRecord, planRemoval } from "./plan-record.ts";
import { planServer, releaseServer } from "./plan-server.ts";
import type { Declarations } from "./read.ts";
import { keptOf, recordPath } from "./records.ts";
import { type DeclarationState, RECORD_KINDS, recordsOf } from "./state.ts";

export interface PlanOptions {
  /** The mark of these files; null for what is written by hand. */
  readonly owner: string | null;
  /** Whether what bears the mark and stands in no file goes. */
  readonly prune: boolean;
}

const UNMANAGED_NAMED = 20;

/**
 * What is declared and not so yet. What no declaration mentions stays as it is, unless it bears the mark of these files
 * and is to be pruned. Sorted by kind and name, so that the order of files and of what stands in them changes nothing.
 */
export function planDeclarations(
  declarations: Declarations,
  state: DeclarationState,
  options: PlanOptions,
): DeclarationPlan {
  const plan = emptyPlan();
  for (const { singular: kind } of declaredKinds) {
    const declared = declarations.get(kind) ?? new Map<string, never>();
    const names = [...declared.keys()].sort();
    for (const name of names) {
      const spec = declared.get(name)?.spec;
      if (kind === "server") planServer(plan, name, spec, state.servers[name], options);
      else planRecord(plan, kind, name, state.records[recordPath(kind, name)] as Json | undefined, spec, options.owner);
    }
  }
  for (const kind of RECORD_KINDS) planRest(plan, kind, declarations, state, options);
  planRestOfServers(plan, declarations, state, options);
  return plan;
}

function planRest(
  plan: DeclarationPlan,
  kind: (typeof RECORD_KINDS)[number],
  declarations: Declarations,
  state: DeclarationState,
  { owner, prune }: PlanOptions,
): void {
  const declared = declarations.get(kind);
  const unmanaged: string[] = [];
  for (const [name, value] of recordsOf(state, kind)) {
    if (declared?.has(name) === true) continue;
    if (keptOf(kind, name, value).managedBy !== owner) unmanaged.push(name);
    else if (prune) planRemoval(plan, kind, name, value, "gone from the files");
    else plan.left.push({ kind, name, field: null });
  }
  noteUnmanaged(plan, kind, unmanaged.length, unmanaged.sort());
}

function planRestOfServers(
  plan: DeclarationPlan,
  declarations: Declarations,
  state: DeclarationState,
  { owner, prune }: PlanOptions,
): void {
  const declared = declarations.get("server");
  for (const name of Object.keys(state.servers).sort()) {
    const server = state.servers[name];
    if (server === undefined || declared?.has(name) === true) continue;
    if (prune) releaseServer(plan, name, server, owner, "gone from the files");
    else plan.left.push({ kind: "server", name, field: null });
  }
  noteUnmanaged(plan, "server", state.others.count, state.others.names);
}

function noteUnmanaged(plan: DeclarationPlan, kind: Kind, count: number, names: readonly string[]): void {
  if (count > 0) plan.unmanaged.push({ kind, count, names: names.slice(0, UNMANAGED_NAMED) });
}
