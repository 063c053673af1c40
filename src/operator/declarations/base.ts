import type { Json } from "../../core/json.ts";
import { scanPath } from "../../core/paths.ts";
import type { DeclarationPlan } from "./plan-record.ts";
import { type ScannedModules, scansIn } from "./plan-scan.ts";
import type { Declarations } from "./read.ts";
import { recordPath } from "./records.ts";
import type { DeclarationState } from "./state.ts";

/** What was asked for, as far as it says where a plan may write. */
interface Asked {
  readonly declarations: Declarations;
  readonly modules: ScannedModules | null;
}

/**
 * What a plan was made of, as one text: everything that stands where it would write, and nothing else. Two states with
 * the same text give the same plan, whatever else has changed in the mesh; hashed, it is the plan's base.
 */
export function baseText({ declarations, modules }: Asked, state: DeclarationState, plan: DeclarationPlan): string {
  const paths = new Set(plan.removed.map(({ kind, name }) => recordPath(kind, name)));
  if (modules !== null) for (const { name } of scansIn(state)) paths.add(scanPath(name));
  for (const [kind, things] of declarations) for (const name of things.keys()) paths.add(recordPath(kind, name));
  const records = [...paths].sort().map((path) => [path, (state.records[path] as Json | undefined) ?? null]);
  const servers = Object.entries(state.servers).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(inOrder([state.mesh, records, servers] as Json));
}

/** With the members of every map in the order of their names. */
function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => inOrder(item as Json));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value as { readonly [key: string]: Json });
  return Object.fromEntries(
    members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, inOrder(member)]),
  );
}
