import { LabError } from "../../core/errors.ts";
import type { Change } from "../change.ts";
import { declaredKinds } from "../../operations/declarations/registry.ts";
import type { Outlook, Wishes } from "./apply.ts";
import { readDeclarations } from "./read.ts";

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
  /** In envelope form. */
  readonly documents: readonly object[];
  /** For readers; the plan is made again of the documents. */
  readonly changes: readonly Change[];
}

export interface SavedPlan {
  readonly wishes: Wishes;
  readonly mesh: string;
  readonly base: string;
}

export function writePlanFile({ declarations, owner, prune, force }: Wishes, { state, base, plan }: Outlook): string {
  const documents = declaredKinds.flatMap(({ kind, singular }) => {
    const things = [...(declarations.get(singular) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return things.map(([name, { spec }]) => ({ kind, metadata: { name }, spec }));
  });
  const { mesh } = state;
  const file: PlanFile = { kind: "LabPlan", v: 1, mesh, base, owner, prune, force, documents, changes: plan.changes };
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
  const { mesh, base, owner, prune, force, documents } = file;
  const page = documents.map((document) => JSON.stringify(document)).join("\n---\n");
  return { wishes: { declarations: readDeclarations([{ name, text: page }]), owner, prune, force }, mesh, base };
}

function isPlanFile(file: Partial<PlanFile>): file is PlanFile {
  const { v, mesh, base, owner, prune, force, documents } = file;
  const texts = [mesh, base].every((text) => typeof text === "string") && (owner === null || typeof owner === "string");
  return v === 1 && texts && typeof prune === "boolean" && typeof force === "boolean" && Array.isArray(documents);
}

function parse(text: string): Partial<PlanFile> | null {
  try {
    return JSON.parse(text) as Partial<PlanFile>;
  } catch {
    return null;
  }
}
