import { equalJson, type Json } from "../json.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Fleet } from "../model/fleet.ts";
import type { PuppetClass } from "../model/puppet-class.ts";
import type { JsonMap } from "../model/record-reader.ts";
import { inWords } from "./in-words.ts";
import type { Membership } from "./group-members.ts";
import type { From } from "./provenance.ts";
import { labelsOf, type ServerIndex } from "./server-index.ts";
import { ServerSet } from "./server-set.ts";

/** A class that a server has, and what it is given. */
export interface AppliedClass {
  readonly name: string;
  readonly parameters: JsonMap;
  readonly from: readonly From[];
}

interface Source {
  readonly from: From;
  readonly parameters: JsonMap;
}

interface SourceSet extends Source {
  /** The servers that get it from there. */
  readonly set: ServerSet;
}

/** Weakest first: a parameter of a later level goes before one of an earlier. */
const LEVELS = ["label", "group", "server"] as const;

/** Which Puppet classes come from where. */
export class ClassSources {
  readonly #fleet: Fleet;
  readonly #index: ServerIndex;
  /** Groups that bring classes, by name. */
  readonly #groups: readonly Membership[];
  /** Made when it is first asked for: a single server is answered without it. */
  #byClass: Map<string, SourceSet[]> | null = null;

  constructor(fleet: Fleet, index: ServerIndex, groups: ReadonlyMap<string, Membership>) {
    this.#fleet = fleet;
    this.#index = index;
    this.#groups = [...groups.values()]
      .filter(({ group }) => group.puppetClasses.length > 0)
      .sort((a, b) => (a.group.name < b.group.name ? -1 : 1));
  }

  /** Of one server, those of labels first. */
  of(place: number): readonly AppliedClass[] {
    const sources = new Map<string, Source[]>();
    const add = (from: From, classes: readonly PuppetClass[]): void => {
      for (const { name, parameters } of classes) {
        const known = sources.get(name);
        if (known === undefined) sources.set(name, [{ from, parameters }]);
        else known.push({ from, parameters });
      }
    };
    const server = this.#index.at(place);
    for (const name of labelsOf(server))
      add({ kind: "label", name }, this.#fleet.labels.get(name)?.puppetClasses ?? []);
    for (const { group, members } of this.#groups) {
      if (members.has(place)) add({ kind: "group", name: group.name }, group.puppetClasses);
    }
    add({ kind: "server", name: server.name }, server.puppetClasses);
    return Array.from(sources, ([name, found]) => ({
      name,
      parameters: settled(found),
      from: found.map(({ from }) => from),
    }));
  }

  /** Every server that has the class. */
  having(puppetClass: string): ServerSet {
    const found = this.#index.nobody();
    for (const { set } of this.#sources(puppetClass)) found.unite(set);
    return found;
  }

  /** Servers to which the class comes otherwise than by a label. */
  beyondLabels(puppetClass: string): ServerSet {
    const found = this.#index.nobody();
    for (const { set, from } of this.#sources(puppetClass)) if (from.kind !== "label") found.unite(set);
    for (const { set, from } of this.#sources(puppetClass)) if (from.kind === "label") found.subtract(set);
    return found;
  }

  /** Every class that something brings, sorted. */
  get names(): readonly string[] {
    this.#byClass ??= this.#collect();
    return [...this.#byClass.keys()].sort();
  }

  /** Parameters about which sources of one level disagree on some server that no higher level decides for. */
  clashes(): Diagnostic[] {
    return this.names.flatMap((name) => this.#clashesOf(name));
  }

  #clashesOf(puppetClass: string): Diagnostic[] {
    const sources = this.#sources(puppetClass);
    const parameters = new Set(sources.flatMap((source) => Object.keys(source.parameters)));
    return [...parameters].sort().flatMap((parameter) => {
      const decided = this.#index.nobody();
      return [...LEVELS].reverse().flatMap((level): Diagnostic[] => {
        const own = sources.filter(
          ({ from, parameters: given }) => from.kind === level && Object.hasOwn(given, parameter),
        );
        const torn = disagreeing(own, parameter, decided);
        for (const { set } of own) decided.unite(set);
        if (torn.isEmpty) return [];
        const sides = own.filter(({ set }) => set.meets(torn)).map(({ from }) => from.name);
        const on = inWords(this.#index.names(torn), "server");
        const message = `${level}s ${sides.sort().join(", ")} disagree about ${parameter} on ${on}; it is not set there`;
        return [{ code: "clash", kind: "class", name: puppetClass, message }];
      });
    });
  }

  #sources(puppetClass: string): readonly SourceSet[] {
    this.#byClass ??= this.#collect();
    return this.#byClass.get(puppetClass) ?? [];
  }

  #collect(): Map<string, SourceSet[]> {
    const byClass = new Map<string, SourceSet[]>();
    const add = (from: From, classes: readonly PuppetClass[], set: ServerSet): void => {
      for (const { name, parameters } of classes) {
        const known = byClass.get(name);
        if (known === undefined) byClass.set(name, [{ from, parameters, set }]);
        else known.push({ from, parameters, set });
      }
    };
    for (const { name, puppetClasses } of this.#fleet.labels.values()) {
      add({ kind: "label", name }, puppetClasses, this.#index.labelled(name));
    }
    for (const { group, members } of this.#groups)
      add({ kind: "group", name: group.name }, group.puppetClasses, members);
    // Servers that say the same of a class are one source, as there may be as many as there are servers.
    const alike = new Map<string, ServerSet>();
    for (const place of this.#index.classed) {
      const { name, puppetClasses } = this.#index.at(place);
      for (const one of puppetClasses) {
        const key = JSON.stringify([one.name, one.parameters]);
        const set = alike.get(key);
        if (set !== undefined) {
          set.add(place);
          continue;
        }
        const fresh = ServerSet.of(this.#index.servers.length, [place]);
        alike.set(key, fresh);
        add({ kind: "server", name }, [one], fresh);
      }
    }
    return byClass;
  }
}

/** Servers with at least two sources that give the parameter different values, and nobody above them who decides. */
function disagreeing(sources: readonly SourceSet[], parameter: string, decided: ServerSet): ServerSet {
  const torn = decided.copy().subtract(decided);
  const values: { readonly value: Json | undefined; readonly set: ServerSet }[] = [];
  for (const { parameters, set } of sources) {
    const value = parameters[parameter];
    const same = values.find((known) => equalJson(known.value, value));
    if (same === undefined) values.push({ value, set: set.copy() });
    else same.set.unite(set);
  }
  const seen = torn.copy();
  for (const { set } of values) {
    torn.unite(seen.copy().intersect(set));
    seen.unite(set);
  }
  return torn.subtract(decided);
}

/** The parameters of one server: those of the highest level that speaks, unless it speaks with two tongues. */
function settled(sources: readonly Source[]): JsonMap {
  const names = new Set(sources.flatMap(({ parameters }) => Object.keys(parameters)));
  const result: Record<string, Json> = {};
  for (const name of [...names].sort()) {
    const speaking = [...LEVELS]
      .reverse()
      .map((level) => sources.filter(({ from, parameters }) => from.kind === level && Object.hasOwn(parameters, name)))
      .find(({ length }) => length > 0);
    const [first, ...more] = (speaking ?? []).map(({ parameters }) => parameters[name] as Json);
    if (first !== undefined && more.every((value) => equalJson(value, first))) result[name] = first;
  }
  return result;
}
