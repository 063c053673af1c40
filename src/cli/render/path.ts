import { LabError } from "../../core/errors.ts";

type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" };

/**
 * The values that a path means: `.items[*].name`, `$.meta.peer`, `.items[0]['lastSeen']`, `.items[-1]`. A subset of
 * JSONPath (RFC 9535); braces around it, as kubectl writes them, may be there. Throws `Usage`.
 */
export function valuesAt(document: unknown, path: string): unknown[] {
  let values: unknown[] = [document];
  for (const step of parsePath(path)) values = values.flatMap((value) => follow(value, step));
  return values;
}

export function parsePath(path: string): readonly Step[] {
  const bare = path.replace(/^\{(.*)\}$/s, "$1").replace(/^\$/, "");
  const steps: Step[] = [];
  const token = /\.([\w-]+|\*)|\[(?:(-?\d+)|(\*)|'([^']*)'|"([^"]*)")\]|^([\w-]+)/y;
  while (token.lastIndex < bare.length) {
    const at = token.lastIndex;
    const match = token.exec(bare);
    if (!match) {
      throw new LabError("Usage", `path "${path}", column ${path.indexOf(bare) + at + 1}: this cannot be read`, {
        field: "output",
        hint: "lab get servers -o jsonpath='{.items[*].name}'",
      });
    }
    const [, key, index, star, single, double, first] = match;
    if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (star !== undefined || key === "*") steps.push({ kind: "all" });
    else steps.push({ kind: "key", key: key ?? single ?? double ?? first ?? "" });
  }
  return steps;
}

function follow(value: unknown, step: Step): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  switch (step.kind) {
    case "all":
      return Object.values(value);
    case "index":
      return Array.isArray(value) ? value.slice(step.index).slice(0, 1) : [];
    case "key":
      return Object.hasOwn(value, step.key) ? [(value as Record<string, unknown>)[step.key]] : [];
  }
}

/** A value as one line: strings bare, nothing as `–`, what has parts as JSON. */
export function valueText(value: unknown, nothing: string): string {
  if (value === undefined || value === null) return nothing;
  if (Array.isArray(value) && value.every((part) => typeof part !== "object")) return value.join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
