/** One difference between what is and what was asked for, as `-o json` prints it (`Change` in the contract). */
export interface Change {
  readonly action: "create" | "update" | "delete" | "grant" | "revoke";
  readonly kind: string;
  readonly name: string;
  /** What of it changes; null when the thing as a whole does. */
  readonly field: string | null;
  readonly from: unknown;
  readonly to: unknown;
  readonly why: string | null;
}

const SIGN = { create: "+", grant: "+", update: "~", delete: "-", revoke: "-" } as const;

/** `+ server web-1 label prod`, `~ server web-1 region eu → us`, `+ server nas-1 role secret-store`. */
export function describeChange({ action, kind, name, field, from, to, why }: Change): string {
  const parts = [SIGN[action], kind, name];
  if (field !== null) parts.push(field);
  if (action === "update") parts.push(`${shown(from)} → ${shown(to)}`);
  else if (action === "delete" || action === "revoke") parts.push(...(isTold(from) ? [shown(from)] : []));
  else if (isTold(to)) parts.push(shown(to));
  return why === null ? parts.join(" ") : `${parts.join(" ")} (${why})`;
}

/** A whole thing that appears or goes is told by its name. */
function isTold(value: unknown): boolean {
  return value !== null && value !== undefined && typeof value !== "object";
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "–" : inOneLine(value);
}

/** A value as a person would write it in YAML, on one line and without quotes: `25, 587` and `{ ssl: true }`. */
export function inOneLine(value: unknown, place: "alone" | "inside" = "alone"): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => inOneLine(item, "inside")).join(", ");
    return place === "inside" ? `[${items}]` : items;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(([name, member]) => `${name}: ${inOneLine(member, "inside")}`);
  return `{ ${members.join(", ")} }`;
}
