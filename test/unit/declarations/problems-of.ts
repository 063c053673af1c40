import { LabError } from "../../../src/core/errors.ts";
import { type Declarations, readDeclarations } from "../../../src/operator/declarations/read.ts";

const NAMES = ["web.yaml", "more.yaml"];

export function read(...texts: readonly string[]): Declarations {
  return readDeclarations(texts.map((text, i) => ({ name: NAMES[i] ?? `${i}.yaml`, text })));
}

/** Every line of the refusal; none if it is read. */
export function problemsOf(...texts: readonly string[]): string[] {
  try {
    read(...texts);
    return [];
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== "InvalidFile") throw error;
    return [error.message, ...(error.facts.notes ?? [])];
  }
}
