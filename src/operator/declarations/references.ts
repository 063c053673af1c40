import { nearest } from "../../core/nearest.ts";
import { CATALOGUE } from "../../core/alerts/catalogue.ts";
import { EVERY_SERVER, isRoleLabel } from "../../core/names.ts";
import { secretVariable } from "../../core/policy/secret-variable.ts";
import { orderOf } from "../../core/targeting/circles.ts";
import type {
  AlarmRouteSpec,
  AlertSpec,
  GroupSpec,
  Kind,
  LabelSpec,
  ServerSpec,
} from "../../operations/declarations/registry.ts";
import { Problems, placeOf, printPath } from "./problems.ts";
import type { Declarations } from "./read.ts";
import type { Declaration, SourceFile } from "./source.ts";
import { type Path, readDocuments, type YamlDocument } from "./yaml/documents.ts";
import { offsetAt } from "./yaml/locate.ts";

/** What exists beside the files. Null where nobody could be asked. */
export interface Known {
  readonly names: Readonly<Record<Kind, ReadonlySet<string>>>;
  /** By group that exists: the groups in it. */
  readonly subgroups: ReadonlyMap<string, readonly string[]>;
  /** Paths that labels grant. */
  readonly granted: ReadonlySet<string>;
}

/** A name that one declaration has of another thing. */
interface Reference {
  readonly kind: Kind;
  readonly name: string;
  readonly from: Declaration;
  /** Below what the declaration says. */
  readonly path: Path;
}

/**
 * Throws `InvalidFile` for what cannot mean anything: groups that contain each other, secrets with one name in the
 * environment and, where what exists is known, groups and alerts that are nowhere. All of it can also arrive by
 * replication, and then it is shown; a file is told before.
 */
export function requireResolved(declarations: Declarations, known: Known | null): void {
  const problems = new Problems();
  const places = new Places();
  const tell = (reference: Reference, what: string) =>
    problems.add(reference.from.origin.file, { ...places.of(reference), what });
  const references = [...referencesIn(declarations)];
  for (const reference of references) {
    const { kind } = reference;
    if (known === null || (kind !== "group" && kind !== "alert")) continue;
    if (!exists(reference, declarations, known))
      tell(reference, missing(reference, candidates(kind, declarations, known)));
  }
  for (const [reference, circle] of circlesIn(references, declarations, known)) {
    tell(reference, `groups contain each other: ${circle.join(", ")}`);
  }
  for (const [reference, other] of collisionsIn(references, known)) {
    tell(reference, `would have the name of ${other} in the environment: ${secretVariable(other)}`);
  }
  problems.throwIfAny();
}

/** The first reference of the files inside each circle of groups. */
function* circlesIn(
  references: readonly Reference[],
  declarations: Declarations,
  known: Known | null,
): Generator<readonly [Reference, readonly string[]]> {
  const inside = references.filter(({ kind, from }) => kind === "group" && from.kind === "group");
  const steps = new Map(known?.subgroups);
  for (const group of declarations.get("group")?.keys() ?? []) steps.set(group, []);
  for (const { name, from } of inside) steps.set(from.name, [...(steps.get(from.name) ?? []), name]);
  for (const circle of orderOf(steps).circles) {
    const members = new Set(circle);
    const first = inside.find(({ name, from }) => members.has(name) && members.has(from.name));
    if (first !== undefined) yield [first, circle];
  }
}

/** Grants of the files whose path would have the name of another path that is granted. */
function* collisionsIn(references: readonly Reference[], known: Known | null): Generator<readonly [Reference, string]> {
  const grants = references.filter(({ kind, from }) => kind === "secret" && from.kind === "label");
  const paths = new Map<string, string>();
  for (const path of [...(known?.granted ?? []), ...grants.map(({ name }) => name)]) {
    const variable = secretVariable(path);
    if (!paths.has(variable)) paths.set(variable, path);
  }
  for (const reference of grants) {
    const first = paths.get(secretVariable(reference.name));
    if (first !== undefined && first !== reference.name) yield [reference, first];
  }
}

function exists({ kind, name }: Reference, declarations: Declarations, known: Known | null): boolean {
  if (declarations.get(kind)?.has(name) === true || known?.names[kind].has(name) === true) return true;
  if (kind === "label") return name === EVERY_SERVER || isRoleLabel(name);
  return kind === "alert" && Object.hasOwn(CATALOGUE, name);
}

function candidates(kind: Kind, declarations: Declarations, known: Known | null): string[] {
  const catalogue = kind === "alert" ? Object.keys(CATALOGUE) : [];
  return [...(declarations.get(kind)?.keys() ?? []), ...(known?.names[kind] ?? []), ...catalogue];
}

/** What may be meant and may be a slip: names that no declaration describes, alerts for every server. One line each. */
export function hintsOf(declarations: Declarations, known: Known | null): string[] {
  const places = new Places();
  const first = new Map<string, { reference: Reference; count: number }>();
  for (const reference of referencesIn(declarations)) {
    if (exists(reference, declarations, known)) continue;
    const key = `${reference.kind} ${reference.name}`;
    const seen = first.get(key);
    if (seen === undefined) first.set(key, { reference, count: 1 });
    else seen.count++;
  }
  const undeclared = [...first.values()].map(({ reference, count }) => {
    const { offset, path } = places.of(reference);
    const what = missing(reference, candidates(reference.kind, declarations, known));
    const more = count === 1 ? "" : ` (${count} times)`;
    return `${placeOf(reference.from.origin.file, offset)} ${printPath(path)} - ${what}${more}`;
  });
  return [...undeclared, ...everywhereIn(declarations)];
}

/** Alerts without a target: allowed, and often not meant. */
export function everywhereIn(declarations: Declarations): string[] {
  return [...(declarations.get("alert")?.values() ?? [])]
    .filter(({ spec }) => (spec as AlertSpec).target === undefined)
    .map(({ name, origin }) => `${placeOf(origin.file, origin.offset)} alert ${name} has no target: every server`);
}

function missing({ kind, name }: Reference, known: readonly string[]): string {
  const [near] = nearest(name, known, 1);
  const nowhere = kind === "alert" ? "is declared nowhere and not in the catalogue" : "is declared nowhere";
  return `${kind} ${name} ${nowhere}${near === undefined ? "" : `, did you mean ${near}?`}`;
}

function* referencesIn(declarations: Declarations): Generator<Reference> {
  for (const declaration of declarations.get("label")?.values() ?? []) {
    const { alerts, secrets, size } = declaration.spec as LabelSpec;
    yield* listed(declaration, "alert", alerts, ["alerts"]);
    yield* listed(declaration, "secret", secrets, ["secrets"]);
    if (size !== undefined) yield { kind: "size", name: size, from: declaration, path: ["size"] };
  }
  for (const declaration of declarations.get("group")?.values() ?? []) {
    const { match, servers, groups, exclude } = declaration.spec as GroupSpec;
    yield* ruled(declaration, match, ["match"]);
    yield* listed(declaration, "server", servers, ["servers"]);
    yield* listed(declaration, "group", groups, ["groups"]);
    yield* ruled(declaration, exclude, ["exclude"]);
  }
  for (const declaration of declarations.get("alert")?.values() ?? []) {
    const { target } = declaration.spec as AlertSpec;
    yield* ruled(declaration, target, ["target"]);
    yield* ruled(declaration, target?.exclude, ["target", "exclude"]);
  }
  for (const declaration of declarations.get("alarm-route")?.values() ?? []) {
    const { about, via, webhook, smtp } = declaration.spec as AlarmRouteSpec;
    for (const [key, scope] of Object.entries({ about, via })) {
      yield* ruled(declaration, scope, [key]);
      yield* ruled(declaration, scope?.exclude, [key, "exclude"]);
    }
    const { secret } = webhook ?? {};
    const { password } = smtp ?? {};
    if (secret !== undefined) yield { kind: "secret", name: secret, from: declaration, path: ["webhook", "secret"] };
    if (password !== undefined) yield { kind: "secret", name: password, from: declaration, path: ["smtp", "password"] };
  }
  for (const declaration of declarations.get("server")?.values() ?? []) {
    const { labels, size } = declaration.spec as ServerSpec;
    yield* listed(declaration, "label", labels, ["labels"]);
    if (size !== undefined) yield { kind: "size", name: size, from: declaration, path: ["size"] };
  }
}

type Rule = Partial<Record<"labels" | "all_labels" | "servers" | "groups", readonly string[] | undefined>>;

function* ruled(from: Declaration, rule: Rule | undefined, path: Path): Generator<Reference> {
  yield* listed(from, "label", rule?.labels, [...path, "labels"]);
  yield* listed(from, "label", rule?.all_labels, [...path, "all_labels"]);
  yield* listed(from, "server", rule?.servers, [...path, "servers"]);
  yield* listed(from, "group", rule?.groups, [...path, "groups"]);
}

function* listed(from: Declaration, kind: Kind, names: readonly string[] = [], path: Path): Generator<Reference> {
  for (const [i, name] of names.entries()) yield { kind, name, from, path: [...path, i] };
}

/** Where references stand. Each file is read once more, and only if something is wrong: what is right needs no places. */
class Places {
  readonly #pages = new Map<SourceFile, readonly YamlDocument[]>();

  of({ from, path }: Reference): { readonly offset: number; readonly path: Path } {
    const { file, document, said } = from.origin;
    let pages = this.#pages.get(file);
    if (pages === undefined) {
      pages = readDocuments(file.text);
      this.#pages.set(file, pages);
    }
    const whole = [...said, ...path];
    return { offset: offsetAt(pages[document]?.contents ?? null, whole), path: whole };
  }
}
