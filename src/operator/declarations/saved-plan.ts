import { LabError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { isClassName } from "../../core/model/puppet-class.ts";
import { readClassScan } from "../../core/model/scan.ts";
import type { Change } from "../change.ts";
import { declaredKinds } from "../../operations/declarations/registry.ts";
import type { Outlook, Wishes } from "./apply.ts";
import type { ScannedModules } from "./plan-scan.ts";
import { type Declarations, readDeclarations } from "./read.ts";

/** A plan as a file: what was asked for, what it would change, and what it was made of. Holds no value of a secret. */
interface PlanFile {
  readonly kind: "LabPlan";
  readonly v: 1;
  /** Hex. */
  readonly mesh: string;
  readonly base: string;
  readonly owner: string | null;
  readonly prune: boolean;
  readonly force: boolean;
  /** In envelope form; absent where no files were given. */
  readonly documents?: readonly object[];
  /** What the scan of modules found; absent where none was asked for. */
  readonly modules?: ScannedModules;
  /** For readers; the plan is made again of the documents. */
  readonly changes: readonly Change[];
}

export interface SavedPlan {
  readonly wishes: Wishes;
  readonly mesh: string;
  readonly base: string;
}

export function writePlanFile(wishes: Wishes, { state, base, plan }: Outlook): string {
  const { declarations, modules, owner, prune, force } = wishes;
  const documents = declarations === null ? null : documentsOf(declarations);
  const asked = { ...(documents === null ? {} : { documents }), ...(modules === null ? {} : { modules }) };
  const { mesh } = state;
  const file: PlanFile = { kind: "LabPlan", v: 1, mesh, base, owner, prune, force, ...asked, changes: plan.changes };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Its declarations go through the same wall as any file's. Throws `InvalidFile`. */
export function readPlanFile(name: string, text: string): SavedPlan {
  const file = parse(text);
  if (file?.kind !== "LabPlan" || !isPlanFile(file)) {
    throw new LabError("InvalidFile", `${name} is not a saved plan`, {
      hint: "lab plan -f FILE --out PLAN writes one",
    });
  }
  const { mesh, base, owner, prune, force, documents, modules } = file;
  const page = documents?.map((document) => JSON.stringify(document)).join("\n---\n");
  const declarations = page === undefined ? null : readDeclarations([{ name, text: page }]);
  return {
    wishes: { declarations, modules: modules === undefined ? null : readModules(modules), owner, prune, force },
    mesh,
    base,
  };
}

function documentsOf(declarations: Declarations): object[] {
  return declaredKinds.flatMap(({ kind, singular }) => {
    const things = [...(declarations.get(singular) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return things.map(([name, { spec }]) => ({ kind, metadata: { name }, spec }));
  });
}

/** As tolerant as the reading of what stands in desired state: a reference that means nothing is left out. */
function readModules({ tree, classes }: ScannedModules): ScannedModules {
  const read = classes.map(({ name, references }) => readClassScan(name, { references } as unknown as Json, []));
  return { tree, classes: read.map(({ name, references }) => ({ name, references })) };
}

function isPlanFile(file: Partial<PlanFile>): file is PlanFile {
  const { v, mesh, base, owner, prune, force, documents, modules } = file;
  const texts = [mesh, base].every((text) => typeof text === "string") && (owner === null || typeof owner === "string");
  return v === 1 && texts && typeof prune === "boolean" && typeof force === "boolean" && isAsked(documents, modules);
}

function isAsked(documents: unknown, modules: Partial<ScannedModules> | undefined): boolean {
  if (documents === undefined && modules === undefined) return false;
  if (documents !== undefined && !Array.isArray(documents)) return false;
  if (modules === undefined) return true;
  const { tree, classes } = modules;
  const named = ({ name }: { readonly name?: unknown }): boolean => typeof name === "string" && isClassName(name);
  return typeof tree === "string" && Array.isArray(classes) && classes.every(named);
}

function parse(text: string): Partial<PlanFile> | null {
  try {
    return JSON.parse(text) as Partial<PlanFile>;
  } catch {
    return null;
  }
}
