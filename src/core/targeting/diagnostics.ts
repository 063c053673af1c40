import { CATALOGUE } from "../alerts/catalogue.ts";
import { parseCondition } from "../alerts/condition.ts";
import type { AppliedAlert } from "../alerts/applied.ts";
import { secretsOf } from "../model/alarm-route.ts";
import { compareDiagnostics, type Diagnostic, type DiagnosticCode, type RecordKind } from "../model/diagnostic.ts";
import type { Fleet } from "../model/fleet.ts";
import type { Exclusion, Rule } from "../model/rule.ts";
import { EVERY_SERVER, isRoleLabel } from "../names.ts";
import { nearest } from "../nearest.ts";
import { collidingPaths, secretVariable } from "../policy/secret-variable.ts";
import type { ClassSources } from "./class-sources.ts";
import type { Memberships } from "./group-members.ts";
import { inWords } from "./in-words.ts";
import type { ServerIndex } from "./server-index.ts";
import type { ServerSecrets } from "./server-secrets.ts";
import type { ServerSet } from "./server-set.ts";
import type { ServerSizes } from "./server-sizes.ts";

interface Ground {
  readonly fleet: Fleet;
  readonly index: ServerIndex;
  readonly memberships: Memberships;
  readonly classes: ClassSources;
  readonly sizes: ServerSizes;
  readonly secrets: ServerSecrets;
  readonly alerts: ReadonlyMap<string, AppliedAlert>;
}

/** Names are compared with all that exist: beyond this many that do not, nobody is helped by the nearest. */
const NEAREST_SOUGHT = 200;

/** Everything that does not fit together, in an order of its own. */
export function diagnosticsOf(ground: Ground): readonly Diagnostic[] {
  const { fleet, memberships, classes, sizes } = ground;
  const found = [
    ...fleet.problems,
    ...memberships.problems,
    ...classes.clashes(),
    ...sizes.problems(),
    ...new NameCheck(ground).run(),
    ...conditionProblems(ground),
    ...ungranted(ground),
    ...collisions(ground),
  ];
  return found.sort(compareDiagnostics);
}

/** Finds names that nothing stands behind. */
class NameCheck {
  readonly #ground: Ground;
  readonly #found: Diagnostic[] = [];
  #sought = 0;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  run(): Diagnostic[] {
    const { fleet } = this.#ground;
    for (const { name, groups, servers, match, exclude } of fleet.groups.values()) {
      this.#rule("group", name, { ...match, servers: [...servers, ...(match?.servers ?? [])] });
      for (const group of new Set(groups)) this.#group("group", name, group);
      this.#rule("group", name, exclude);
    }
    for (const { name, target, exclude } of fleet.alerts.values()) {
      if (target !== null) this.#rule("alert", name, target);
      this.#rule("alert", name, exclude);
    }
    for (const route of fleet.alarmRoutes.values()) {
      for (const scope of [route.about, route.via]) {
        if (scope === null) continue;
        this.#rule("alarm-route", route.name, scope.rule);
        this.#rule("alarm-route", route.name, scope.exclude);
      }
      for (const path of secretsOf(route)) {
        if (fleet.secrets.has(path)) continue;
        this.#tell("undeclared", "alarm-route", route.name, "secret", path, () => fleet.secrets.keys());
      }
    }
    this.#labels();
    this.#sizes();
    return this.#found;
  }

  #rule(kind: RecordKind, name: string, { labels, allLabels, servers, groups }: Partial<Rule & Exclusion>): void {
    const { fleet, index } = this.#ground;
    for (const label of new Set([...(labels ?? []), ...(allLabels ?? [])])) {
      const exists = label === EVERY_SERVER || isRoleLabel(label) || fleet.labels.has(label) || index.labels.has(label);
      if (!exists)
        this.#tell("dangling", kind, name, "label", label, () => [...fleet.labels.keys(), ...index.labels.keys()]);
    }
    for (const server of new Set(servers ?? [])) {
      if (index.place(server) !== undefined) continue;
      this.#tell("dangling", kind, name, "server", server, () => fleet.servers.map((known) => known.name));
    }
    for (const group of new Set(groups ?? [])) this.#group(kind, name, group);
  }

  #group(kind: RecordKind, name: string, group: string): void {
    const { groups } = this.#ground.fleet;
    if (!groups.has(group)) this.#tell("dangling", kind, name, "group", group, () => groups.keys());
  }

  #labels(): void {
    const { fleet, index } = this.#ground;
    for (const [label, carriers] of index.labels) {
      if (label === EVERY_SERVER || isRoleLabel(label) || fleet.labels.has(label)) continue;
      const message = `no declaration describes it, on ${inWords(index.names(carriers), "server")}`;
      this.#add("undeclared", "label", label, message + this.#near(label, () => fleet.labels.keys()));
    }
    for (const { name, alerts, secrets } of fleet.labels.values()) {
      const known = () => [...fleet.alerts.keys(), ...Object.keys(CATALOGUE)];
      for (const alert of alerts) {
        if (fleet.alerts.has(alert) || Object.hasOwn(CATALOGUE, alert)) continue;
        this.#tell("unknown-alert", "label", name, "alert", alert, known, ", and the catalogue has none of that name");
      }
      for (const path of secrets) {
        if (!fleet.secrets.has(path))
          this.#tell("undeclared", "label", name, "secret", path, () => fleet.secrets.keys());
      }
    }
  }

  #sizes(): void {
    const { fleet } = this.#ground;
    const users = new Map<string, string[]>();
    const use = (size: string | null, user: string): void => {
      if (size !== null && !fleet.sizes.has(size)) users.set(size, [...(users.get(size) ?? []), user]);
    };
    for (const { name, size } of fleet.labels.values()) use(size, `label ${name}`);
    for (const { name, size } of fleet.servers) use(size, `server ${name}`);
    for (const [size, names] of users) {
      const message = `no declaration describes it, used by ${inWords(names, "record")}`;
      this.#add("undeclared", "size", size, message + this.#near(size, () => fleet.sizes.keys()));
    }
  }

  #tell(
    code: DiagnosticCode,
    kind: RecordKind,
    name: string,
    what: string,
    missing: string,
    known: () => Iterable<string>,
    more = "",
  ): void {
    this.#add(code, kind, name, `${what} ${missing} is not declared${more}${this.#near(missing, known)}`);
  }

  #near(name: string, known: () => Iterable<string>): string {
    if (++this.#sought > NEAREST_SOUGHT) return "";
    const [near] = nearest(name, known(), 1);
    return near === undefined ? "" : ` (nearest: ${near})`;
  }

  #add(code: DiagnosticCode, kind: RecordKind, name: string, message: string): void {
    this.#found.push({ code, kind, name, message });
  }
}

function conditionProblems({ alerts }: Ground): Diagnostic[] {
  return [...alerts.values()].flatMap(({ name, condition }): Diagnostic[] => {
    const parsed = parseCondition(condition);
    if (parsed.state === "good") return [];
    const { column, message } = parsed.fault;
    const told = condition === "" ? "it has no condition" : `column ${column} of "${condition}": ${message}`;
    return [{ code: "bad-condition", kind: "alert", name, message: `${told}; it is rendered nowhere` }];
  });
}

/** Classes that reach servers by a group or by the server itself, and whose code names secrets that no label grants. */
function ungranted({ fleet, index, classes, secrets }: Ground): Diagnostic[] {
  return [...fleet.scans.values()].flatMap(({ name, references }) => {
    const places = [...classes.beyondLabels(name)];
    if (places.length === 0) return [];
    const granted = places.map((place) => new Set(secrets.of(place).map(({ path }) => path)));
    return [...new Set(references.map(({ path }) => path))].flatMap((path): Diagnostic[] => {
      const without = places.filter((_, i) => !granted[i]?.has(path)).map((place) => index.at(place).name);
      if (without.length === 0) return [];
      const message = `its code names secret ${path}, which no label grants to ${inWords(without, "server")}`;
      return [{ code: "not-granted", kind: "class", name, message }];
    });
  });
}

/** Servers that may read two secrets whose names in an environment are the same. */
function collisions({ fleet, index, secrets }: Ground): Diagnostic[] {
  const readers = new Map<string, ServerSet>();
  for (const label of fleet.labels.keys()) {
    for (const { path } of secrets.grants(label)) {
      const known = readers.get(path) ?? index.nobody();
      readers.set(path, known.unite(index.labelled(label)));
    }
  }
  return collidingPaths(readers.keys()).flatMap((same): Diagnostic[] => {
    const seen = index.nobody();
    const torn = index.nobody();
    for (const path of same) {
      const set = readers.get(path) as ServerSet;
      torn.unite(seen.copy().intersect(set));
      seen.unite(set);
    }
    if (torn.isEmpty) return [];
    const [first = ""] = same;
    const message = `${same.join(" and ")} are both ${secretVariable(first)} on ${inWords(index.names(torn), "server")}`;
    return [{ code: "name-collision", kind: "secret", name: first, message }];
  });
}
