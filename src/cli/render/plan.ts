import { type Change, inOneLine } from "../../operator/change.ts";
import type { DeclarationPlan } from "../../operator/declarations/plan-record.ts";
import { COLUMNS, wrapped } from "./wrapped.ts";

type Planned = Pick<DeclarationPlan, "changes" | "unmanaged" | "left">;

const NAMED = 6;
/** How much deeper a line goes on. */
const MORE = 4;

/** `lab plan` for people: each thing with what changes in it, then the sum, then what stays as it is. */
export function planPage({ changes, unmanaged, left }: Planned): string[] {
  const lines = byThing(changes).flatMap((thing) => [...thingLines(thing), ""]);
  const sum = changes.length === 0 ? "no changes" : `Plan: ${counted(changes)}.`;
  return [...lines, sum, ...keptLines(left), ...unmanagedLines(unmanaged)];
}

/** `lab diff` for people: what is, with a minus, and what files say, with a plus. */
export function diffPage({ changes }: Pick<Planned, "changes">): string[] {
  if (changes.length === 0) return ["no differences"];
  return byThing(changes).flatMap((thing) => {
    const [{ kind, name }] = thing;
    return [`${kind}/${name}`, ...thing.flatMap(differenceLines)];
  });
}

type Thing = readonly [Change, ...Change[]];

function byThing(changes: readonly Change[]): Thing[] {
  const things = new Map<string, [Change, ...Change[]]>();
  for (const change of changes) {
    const key = `${change.kind}/${change.name}`;
    const known = things.get(key);
    if (known === undefined) things.set(key, [change]);
    else known.push(change);
  }
  return [...things.values()];
}

function thingLines(thing: Thing): string[] {
  const [first] = thing;
  const whole = thing.find(({ field }) => field === null);
  const mark = whole === undefined ? "~" : whole.action === "delete" ? "-" : "+";
  const why = whole?.why ?? null;
  const head = `${mark} ${first.kind} ${first.name}${why === null ? "" : `   (${why})`}`;
  return [head, ...thing.flatMap((change) => (change.field === null ? memberLines(change) : [...fieldLines(change)]))];
}

/** Of a whole thing that is new: what it says. What goes is told by its name. */
function memberLines({ action, to }: Change): string[] {
  return action === "delete" ? [] : nestedLines("    ", to);
}

/** A member on one line where it fits, else its own members below it. */
function nestedLines(indent: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([field, member]) => {
    const line = `${indent}${field}: ${inOneLine(member)}`;
    const isMap = typeof member === "object" && member !== null && !Array.isArray(member);
    if (line.length <= COLUMNS || !isMap) return wrapped(line, MORE);
    return [`${indent}${field}:`, ...nestedLines(`${indent}  `, member)];
  });
}

function fieldLines({ action, field, from, to, why }: Change): string[] {
  const reason = why === null || why === "pending" ? "" : `   (${why})`;
  switch (action) {
    case "grant":
      return [`    + role ${inOneLine(to)}   (authority: needs the right admin)`];
    case "revoke":
      return [`    - role ${inOneLine(from)}   (authority: needs the right admin)${reason}`];
    case "create":
      return wrapped(field === "label" ? `    + label ${inOneLine(to)}` : `    + ${field}: ${inOneLine(to)}`, MORE);
    case "delete":
      return wrapped(
        `${field === "label" ? `    - label ${inOneLine(from)}` : `    - ${field}: ${inOneLine(from)}`}${reason}`,
        MORE,
      );
    case "update":
      return wrapped(`    ~ ${field}: ${inOneLine(from)} → ${inOneLine(to)}`, MORE);
  }
}

function differenceLines({ field, from, to }: Change): string[] {
  const side = (mark: string, value: unknown): string[] => {
    if (value === null) return [];
    if (field !== null) return wrapped(`${mark} ${field}: ${inOneLine(value)}`, MORE);
    const members = Object.entries(value as Readonly<Record<string, unknown>>);
    if (members.length === 0) return [`${mark} {}`];
    return members.flatMap(([name, member]) => wrapped(`${mark} ${name}: ${inOneLine(member)}`, MORE));
  };
  return [...side("-", from), ...side("+", to)];
}

function counted(changes: readonly Change[]): string {
  const things = byThing(changes);
  const isNew = (thing: Thing) => thing.some(({ field, action }) => field === null && action === "create");
  const isGone = (thing: Thing) => thing.some(({ field, action }) => field === null && action === "delete");
  const changed = things.filter((thing) => !isNew(thing) && !isGone(thing));
  const roles = changes.filter(({ action }) => action === "grant" || action === "revoke").length;
  const parts = [
    `${things.filter(isNew).length} to create`,
    `${changed.length} to change`,
    `${things.filter(isGone).length} to remove`,
    ...(roles === 0 ? [] : [`${roles} ${roles === 1 ? "change" : "changes"} of authority`]),
  ];
  return parts.join(", ");
}

function keptLines(left: Planned["left"]): string[] {
  if (left.length === 0) return [];
  const things = left.map(({ kind, name, field }) => `${kind} ${name}${field === null ? "" : ` ${field}`}`);
  return wrapped(`Kept, though gone from the files (--prune removes it): ${someOf(things, things.length)}`, 2);
}

function unmanagedLines(unmanaged: Planned["unmanaged"]): string[] {
  return unmanaged.flatMap(({ kind, count, names }) =>
    wrapped(`Left alone: ${count} ${kind}${count === 1 ? "" : "s"} not in these files: ${someOf(names, count)}`, 2),
  );
}

function someOf(names: readonly string[], count: number): string {
  const more = count - Math.min(NAMED, names.length);
  return `${names.slice(0, NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
