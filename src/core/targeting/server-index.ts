import { EVERY_SERVER } from "../names.ts";
import type { ServerRecord } from "../model/server.ts";
import { ServerSet } from "./server-set.ts";

/** The attributes by which a rule can choose. */
export const RULE_ATTRIBUTES = ["environment", "region", "provider"] as const;
export type RuleAttribute = (typeof RULE_ATTRIBUTES)[number];

type Postings = ReadonlyMap<string, ServerSet>;

/** For every label and every value of an attribute the servers that have it. */
export class ServerIndex {
  readonly servers: readonly ServerRecord[];
  readonly everyone: ServerSet;
  /** Nobody, shared: not to be changed. */
  readonly empty: ServerSet;
  readonly labels: Postings;
  readonly attributes: Readonly<Record<RuleAttribute, Postings>>;
  /** Servers that say their size themselves. */
  readonly sized: ServerSet;
  /** Servers that have classes of their own. */
  readonly classed: ServerSet;
  readonly #names: ReadonlyMap<string, number>;

  private constructor(
    servers: readonly ServerRecord[],
    labels: Postings,
    attributes: Readonly<Record<RuleAttribute, Postings>>,
    names: ReadonlyMap<string, number>,
    everyone: ServerSet,
    { sized, classed }: Pick<ServerIndex, "sized" | "classed">,
  ) {
    this.sized = sized;
    this.classed = classed;
    this.servers = servers;
    this.labels = labels;
    this.attributes = attributes;
    this.#names = names;
    this.everyone = everyone;
    this.empty = ServerSet.none(servers.length);
  }

  static of(servers: readonly ServerRecord[]): ServerIndex {
    const labels = new Map<string, ServerSet>();
    const attributes = { environment: new Map(), region: new Map(), provider: new Map() };
    const post = (postings: Map<string, ServerSet>, value: string, place: number): void => {
      let posting = postings.get(value);
      if (posting === undefined) {
        posting = ServerSet.none(servers.length);
        postings.set(value, posting);
      }
      posting.add(place);
    };
    const sized = ServerSet.none(servers.length);
    const classed = ServerSet.none(servers.length);
    servers.forEach((server, place) => {
      if (server.size !== null) sized.add(place);
      if (server.puppetClasses.length > 0) classed.add(place);
      for (const label of labelsOf(server)) post(labels, label, place);
      for (const key of RULE_ATTRIBUTES) {
        const value = server[key];
        if (value !== null) post(attributes[key], value, place);
      }
    });
    const everyone = ServerSet.of(servers.length, servers.keys());
    return new ServerIndex(servers, labels, attributes, namesOf(servers), everyone, { sized, classed });
  }

  /**
   * The index of the same servers in the same places, some of which have changed. What is the same is shared. Null if
   * other servers are there now, so that places have moved.
   */
  changed(servers: readonly ServerRecord[]): ServerIndex | null {
    if (servers.length !== this.servers.length) return null;
    const moved: number[] = [];
    for (let place = 0; place < servers.length; place++) {
      const [before, after] = [this.servers[place] as ServerRecord, servers[place] as ServerRecord];
      if (before === after) continue;
      if (before.name !== after.name || before.id !== after.id || before.standing !== after.standing) return null;
      moved.push(place);
    }
    const labels = new PostingsEdit(this.labels, servers.length);
    const edit = (key: RuleAttribute) => new PostingsEdit(this.attributes[key], servers.length);
    const edits = { environment: edit("environment"), region: edit("region"), provider: edit("provider") };
    const sized = this.sized.copy();
    const classed = this.classed.copy();
    for (const place of moved) {
      const [before, after] = [this.servers[place] as ServerRecord, servers[place] as ServerRecord];
      if (after.size === null) sized.remove(place);
      else sized.add(place);
      if (after.puppetClasses.length === 0) classed.remove(place);
      else classed.add(place);
      // What stays is not touched: whoever looks at a posting sees by the set itself that nothing has changed.
      const [had, has] = [labelsOf(before), labelsOf(after)];
      for (const label of had) if (!has.includes(label)) labels.remove(label, place);
      for (const label of has) if (!had.includes(label)) labels.add(label, place);
      for (const key of RULE_ATTRIBUTES) {
        if (before[key] === after[key]) continue;
        if (before[key] !== null) edits[key].remove(before[key], place);
        if (after[key] !== null) edits[key].add(after[key], place);
      }
    }
    const { environment, region, provider } = edits;
    const attributes = { environment: environment.result, region: region.result, provider: provider.result };
    return new ServerIndex(servers, labels.result, attributes, this.#names, this.everyone, { sized, classed });
  }

  labelled(label: string): ServerSet {
    return this.labels.get(label) ?? this.empty;
  }

  /** A set of nobody, to fill. */
  nobody(): ServerSet {
    return ServerSet.none(this.servers.length);
  }

  /** The place of the server that owns this name or has this id. */
  place(nameOrId: string): number | undefined {
    return this.#names.get(nameOrId);
  }

  placeOf(id: string): number | undefined {
    const place = this.#names.get(id);
    return place !== undefined && this.at(place).id === id ? place : undefined;
  }

  at(place: number): ServerRecord {
    return this.servers[place] as ServerRecord;
  }

  names(set: ServerSet): string[] {
    return Array.from(set, (place) => this.at(place).name);
  }
}

/** With the built-in label, that every member has. */
export function labelsOf({ labels, standing }: ServerRecord): readonly string[] {
  if (standing === "pending" || labels.includes(EVERY_SERVER)) return labels;
  return [EVERY_SERVER, ...labels];
}

/** Weakest first: where two have one name, it means the later one. Whoever contests a name is meant by id only. */
const OWNERS: readonly ServerRecord["standing"][] = ["suspended", "pending", "enrolled"];

function namesOf(servers: readonly ServerRecord[]): Map<string, number> {
  const names = new Map<string, number>();
  servers.forEach(({ id }, place) => {
    if (id !== null) names.set(id, place);
  });
  for (const owner of OWNERS) {
    servers.forEach(({ name, standing }, place) => {
      if (standing === owner) names.set(name, place);
    });
  }
  return names;
}

/** Copies what it changes, once. A value that nobody has any more is gone, as if nobody had ever had it. */
class PostingsEdit {
  readonly result: Map<string, ServerSet>;
  readonly #copied = new Set<string>();
  readonly #servers: number;

  constructor(before: Postings, servers: number) {
    this.result = new Map(before);
    this.#servers = servers;
  }

  add(value: string, place: number): void {
    this.#own(value).add(place);
  }

  remove(value: string, place: number): void {
    const posting = this.#own(value);
    posting.remove(place);
    if (!posting.isEmpty) return;
    this.result.delete(value);
    this.#copied.delete(value);
  }

  #own(value: string): ServerSet {
    let posting = this.result.get(value);
    if (posting === undefined || !this.#copied.has(value)) {
      posting = posting?.copy() ?? ServerSet.none(this.#servers);
      this.result.set(value, posting);
      this.#copied.add(value);
    }
    return posting;
  }
}
