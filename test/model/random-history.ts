import type { Random } from "../../src/core/ports/random.ts";
import { Graph, type Log } from "./graph.ts";
import type { Body, Entry, History, Id, Keep, Key, Link, Pin } from "./history.ts";
import { order } from "./nodes.ts";
import { headsOf } from "./scenes.ts";
import { Case } from "./case.ts";

const PEOPLE = ["alice", "bob", "carol", "dave", "eve", "root"];
const MACHINES = ["hub", "mill", "nas", "oven"];
const NAMES = ["web", "nas", "gate"];
const LABELS = ["coordinator", "store"];
const PATHS = ["p/a", "p/b"];

const KINDS = ["grant", "cut", "approve", "enrol", "token", "redeem", "role", "unrole", "checkpoint", "write"] as const;
type Kind = (typeof KINDS)[number];

/** What a history may be about: how often each kind of entry is said. */
type Theme = Readonly<Partial<Record<Kind, number>>>;

/** Ledgers that are pinned, and what may take that back. */
export const PINNED_LEDGERS: Theme = { write: 12, checkpoint: 6, cut: 1, grant: 1 };

const THEMES: readonly Theme[] = [
  { grant: 5, cut: 4, approve: 4, write: 1 },
  { enrol: 4, token: 3, redeem: 5, role: 4, unrole: 3, cut: 3, grant: 2 },
  { write: 8, checkpoint: 4, cut: 3, grant: 1 },
];

/**
 * A history of up to `size` entries by people who hold keys and keep to no rule but those of admission: they write
 * without saying what they know, fork their logs, cut each other, name what nobody has seen, redeem tokens twice. What it
 * is about is drawn first, as histories with a little of everything say little about anything.
 */
export function randomHistory(random: Random, size: number, about: Theme | null = null): History {
  const stage = new Stage(random);
  const anything = () => Object.fromEntries(KINDS.map((kind) => [kind, [0, 1, 2, 5][random.below(4)] ?? 0]));
  const theme = about ?? THEMES[random.below(THEMES.length + 1)] ?? anything();
  const kinds = KINDS.flatMap((kind) => Array.from({ length: theme[kind] ?? 0 }, () => kind));
  if (random.below(3) === 0) stage.openDesk();
  else if (random.below(2) === 0) stage.openOffice();
  for (let tries = 0; stage.size < size && tries < 3 * size; tries++) {
    const kind = kinds[random.below(Math.max(1, kinds.length))];
    const said = kind === undefined ? null : stage[kind]();
    if (said !== null) stage.say(said);
  }
  return stage.loseSome();
}

interface Said {
  readonly log: Log;
  readonly body: Body;
  readonly after: readonly Id[];
}

class Stage {
  readonly #random: Random;
  readonly #graph: Graph;

  constructor(random: Random) {
    this.#random = random;
    const founders = PEOPLE.slice(0, 1 + random.below(2)).map((key) => ({
      key,
      rights: ["admin", "ops"] as const,
      need: 1 + Number(this.#rarely()),
    }));
    const keys = random.below(3) === 0 ? ["root", "dave"] : ["root"];
    const body = { t: "genesis", root: { keys, k: 1 + random.below(keys.length) }, founders } as const;
    this.#graph = new Graph({ entries: [{ id: "g", key: "root", log: "", parents: [], body }], links: [] });
  }

  get #entries(): readonly Entry[] {
    return this.#graph.history.entries;
  }

  get #links(): readonly Link[] {
    return this.#graph.history.links;
  }

  get size(): number {
    return this.#graph.byId.size + this.#graph.links.size;
  }

  /** A junior whose ledger there is something to say about. */
  openOffice(): void {
    const [alice] = [...this.#graph.logs.values()].filter(({ rank }) => rank === 1);
    if (alice === undefined) return;
    const rights = ["admin", "ops"] as const;
    this.say({ log: alice, body: { t: "grant", key: "carol", rank: 2, rights, need: 1 }, after: [] });
    const carol = this.#graph.logs.get(this.#entries.at(-1)?.id ?? "");
    for (let i = 0; i < 4 && carol !== undefined; i++) this.write(carol);
  }

  /** A second operator, and a coordinator with a token. */
  openDesk(): void {
    const [alice] = [...this.#graph.logs.values()].filter(({ rank }) => rank === 1);
    if (alice === undefined) return;
    const rights = ["admin", "ops"] as const;
    this.say({
      log: alice,
      body: { t: "grant", key: "carol", rank: 1 + this.#random.below(2), rights, need: 1 },
      after: [],
    });
    this.say({ log: alice, body: { t: "enrol", key: "hub", name: "hub" }, after: [] });
    const node = this.#entries.at(-1)?.id ?? "";
    this.say({ log: alice, body: { t: "role", node, label: "coordinator" }, after: [node] });
    const token = this.token();
    if (token !== null) this.say(token);
  }

  say({ log, body, after }: Said): void {
    const needed = [log.opening.id, ...log.openers.slice(0, 1).map(({ id }) => id), ...after];
    const entry = { id: `e${this.size}`, key: log.key, log: log.id, parents: this.#knowledge(needed), body } as Entry;
    // An approval carries no time: the same words at the same place are the same entry.
    if (body.t !== "approve" || !isSaid(this.#graph.of("approve"), entry)) this.#graph.add(entry);
  }

  /** All that there is; or what somebody knows who heard of a few things; or nothing but what it takes. */
  #knowledge(needed: readonly Id[]): Id[] {
    const entries = this.#entries;
    const heard = [() => entries, () => this.#some(entries, 1 + this.#random.below(3)), () => []];
    const ids = [...needed, ...(heard[Math.min(2, this.#random.below(5) >> 1)] ?? (() => []))().map(({ id }) => id)];
    return headsOf(this.#graph, new Set(ids.flatMap((id) => [id, ...this.#graph.past(this.#graph.entry(id))])));
  }

  grant(): Said | null {
    const log = this.#admin();
    const rank = Math.max(0, log.rank + 1 - (this.#rarely() ? this.#random.below(3) : 0));
    const rights = this.#rarely() ? [this.#one(["admin", "ops"] as const) ?? "ops"] : (["admin", "ops"] as const);
    const key = this.#one(PEOPLE) ?? "carol";
    return { log, body: { t: "grant", key, rank, rights, need: 1 + Number(this.#rarely()) }, after: [] };
  }

  cut(): Said | null {
    const log = this.#admin();
    const keys = [...new Set([...this.#graph.logs.values()].map(({ key }) => key))];
    const key = this.#one(keys);
    if (key === null) return null;
    return { log, body: { t: "cut", key, keeps: this.#keeps((one) => one.key === key) }, after: [] };
  }

  approve(): Said | null {
    const open = this.#entries.filter(({ log }) => (this.#graph.logs.get(log)?.need ?? 1) > 1);
    const entry = this.#one(open) ?? this.#one(this.#entries);
    return entry && { log: this.#admin(), body: { t: "approve", entry: entry.id }, after: [] };
  }

  enrol(): Said {
    return { log: this.#admin(), body: { t: "enrol", key: this.#machine(), name: this.#name() }, after: [] };
  }

  token(): Said | null {
    const issuer = this.#one(this.#coordinators());
    if (issuer === null) return null;
    const name = this.#rarely() ? null : this.#name();
    const roles = LABELS.filter(() => this.#rarely());
    return { log: this.#admin(), body: { t: "token", name, roles, issuer: issuer.id }, after: [] };
  }

  redeem(): Said | null {
    const token = this.#one(this.#graph.of("token"));
    const log = token && this.#graph.logs.get(token.body.issuer);
    if (!token || !log) return null;
    const name = token.body.name ?? this.#name();
    return { log, body: { t: "redeem", token: token.id, key: this.#machine(), name }, after: [token.id] };
  }

  role(): Said | null {
    const node = this.#node();
    if (node === null) return null;
    const label = LABELS[Number(this.#rarely())] ?? "store";
    return { log: this.#admin(), body: { t: "role", node: node.id, label }, after: this.#openings(node) };
  }

  unrole(): Said | null {
    const given = this.#one([...this.#graph.logs.values()].flatMap(({ role }) => (role === null ? [] : [role])));
    const node = given && this.#graph.logs.get(given.node);
    if (!given || !node) return null;
    const keeps = this.#keeps(({ role }) => role?.node === given.node && role.label === given.label);
    return { log: this.#admin(), body: { t: "unrole", ...given, keeps }, after: this.#openings(node) };
  }

  checkpoint(): Said | null {
    const links = this.#some(this.#links, 1 + this.#random.below(3));
    const pins = new Map(links.map(({ log, seq, id }) => [log, { log, seq, id }]));
    return pins.size === 0
      ? null
      : { log: this.#admin(), body: { t: "checkpoint", pins: [...pins.values()] }, after: [] };
  }

  write(by: Log | null = null): null {
    const logs = [...this.#graph.logs.values()].filter(({ rights }) => rights.includes("ops"));
    const log = by ?? (this.#rarely() ? this.#one(logs) : (logs.at(-1) ?? null));
    if (log === null) return null;
    const own = this.#links.filter((link) => link.log === log.id);
    const prev = (this.#rarely() ? this.#one([null, ...own]) : own.at(-1)) ?? null;
    const path = this.#one(PATHS) ?? "";
    const others = this.#links.filter(
      (link) => link.log !== log.id && link.writes.some((write) => write.path === path),
    );
    const over = this.#some(others, this.#random.below(3)).map(({ id }) => id);
    const value = this.#rarely() ? null : `${this.#random.below(2)}`;
    const hlc = (prev?.hlc ?? 0) + 1 + this.#random.below(4);
    const writes = [{ path, value, over: [...new Set(over)].sort(order) }];
    const link = {
      id: `w${this.size}`,
      key: log.key,
      log: log.id,
      seq: (prev?.seq ?? 0) + 1,
      prev: prev?.id ?? null,
      hlc,
      writes,
    };
    if (!isSaid(own, link)) this.#graph.add(link);
    return null;
  }

  /** Something is under way still: what nobody builds on, and what may yet be named in a frontier. */
  loseSome(): History {
    let world = new Case(this.#graph.history);
    for (let lost = this.#random.below(4); lost > 0; lost--) {
      const last = this.#one(world.last);
      if (last === null) break;
      world = world.without(last.id);
    }
    return world.history;
  }

  /** For each of a key's logs: not named, nothing kept, or some of what is there, or what nobody knows. */
  #keeps(of: (log: Log) => boolean): Keep[] {
    const logs = [...this.#graph.logs.values()].filter((log) => of(log) && log.rank > 0 && this.#random.below(3) > 0);
    return logs.map(({ id }): Keep => {
      const own = this.#entries.filter((entry) => entry.log === id);
      const tips = this.#some(own, 1 + this.#random.below(2)).map((entry) => entry.id);
      const a = tips.length === 0 || this.#rarely() ? null : [...new Set(tips)].sort();
      return { log: id, a, l: this.#place(id) };
    });
  }

  #place(log: string): Pin | null {
    const link = this.#one(this.#links.filter((one) => one.log === log));
    return link && { seq: link.seq, id: link.id };
  }

  #admin(): Log {
    const admins = [...this.#graph.logs.values()].filter(
      ({ kind, rights }) => kind === "operator" && rights.includes("admin"),
    );
    const log = this.#one(admins.filter(({ rank }) => rank > 0 || this.#rarely())) ?? admins[0];
    if (log === undefined) throw new Error("nobody is left");
    return log;
  }

  #coordinators(): Log[] {
    return [...this.#graph.logs.values()].filter(({ role }) => role?.label === "coordinator");
  }

  #node(): Log | null {
    return this.#one([...this.#graph.logs.values()].filter(({ kind }) => kind === "node"));
  }

  #openings(node: Log): Id[] {
    return node.openers.slice(0, 1).map(({ id }) => id);
  }

  #machine(): Key {
    return this.#one(MACHINES) ?? "hub";
  }

  #name(): string {
    return this.#one(NAMES) ?? "web";
  }

  #one<T>(of: readonly T[]): T | null {
    return of.length === 0 ? null : (of[this.#random.below(of.length)] ?? null);
  }

  #some<T>(of: readonly T[], count: number): T[] {
    return of.length === 0 ? [] : Array.from({ length: count }, () => of[this.#random.below(of.length)] as T);
  }

  #rarely(): boolean {
    return this.#random.below(5) === 0;
  }
}

function isSaid(said: readonly { readonly id: Id }[], item: { readonly id: Id }): boolean {
  const text = JSON.stringify({ ...item, id: "" });
  return said.some((one) => JSON.stringify({ ...one, id: "" }) === text);
}
