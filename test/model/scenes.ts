import type { Graph } from "./graph.ts";
import {
  type Body,
  type Entry,
  type History,
  type Id,
  type Keep,
  type Link,
  type LogId,
  type Write,
  type Item,
  isLink,
} from "./history.ts";

/** Who is on stage before anything happens, and what may happen next. Small on purpose: all that can happen does. */
export interface Scene {
  readonly name: string;
  readonly start: History;
  /** Up to how many entries the test goes. */
  readonly tested: number;
  /** How many of the first entries, from the last one on, a writer may not know. */
  readonly unheard?: number;
  /** Whatever could be said next; the explorer adds who said it knowing what. */
  readonly moves: (graph: Graph) => Move[];
}

export type Move = Say | WriteMove;

interface Say {
  readonly log: LogId;
  readonly body: Body;
  /** Entries that have to be in its past. */
  readonly after: readonly Id[];
}

interface WriteMove {
  readonly log: LogId;
  readonly prev: Link | null;
  readonly hlc: number;
  readonly writes: readonly Write[];
}

const ALL = ["admin", "ops"] as const;

export function founding(keys: readonly string[], need = 1): Entry<"genesis"> {
  const founders = keys.map((key) => ({ key, rights: ALL, need }));
  return {
    id: "g",
    key: "root",
    log: "",
    parents: [],
    body: { t: "genesis", root: { keys: ["root"], k: 1 }, founders },
  };
}

export function said(id: Id, key: string, log: LogId, body: Body, ...parents: Id[]): Entry {
  return { id, key, log, parents, body } as Entry;
}

function by(key: string) {
  return { key, log: key };
}

export function grant(key: string, rank: number, need = 1): Body {
  return { t: "grant", key, rank, rights: ALL, need };
}

function operatorLogs(graph: Graph) {
  return [...graph.logs.values()].filter(({ kind, rights }) => kind === "operator" && rights.includes("admin"));
}

/** What a cut can name as the last entries kept of a key's logs: nothing said, nothing kept, any one entry. */
function frontiers(graph: Graph, key: string): Keep[][] {
  const logs = [...graph.logs.values()].filter((log) => log.key === key && log.rank > 0 && log.kind !== "node");
  const keeps = logs.flatMap(({ id }): Keep[] => {
    const own = graph.history.entries.filter((entry) => entry.log === id);
    const links: (Link | null)[] = [null, ...graph.history.links.filter((link) => link.log === id)];
    const tips = [null, ...own.map((entry) => [entry.id])];
    return tips.flatMap((a) => links.map((link): Keep => ({ log: id, a, l: link && { seq: link.seq, id: link.id } })));
  });
  return [[], ...keeps.map((keep) => [keep])];
}

function cuts(graph: Graph, keys: readonly string[]): Move[] {
  return operatorLogs(graph).flatMap((log) => {
    const others = keys.filter((key) => key !== log.key);
    return others.flatMap((key) =>
      frontiers(graph, key).map((keeps) => ({ log: log.id, body: { t: "cut", key, keeps } as const, after: [] })),
    );
  });
}

/** Root, two founders and one that they may make their equal or junior: who removes whom. */
const operators: Scene = {
  name: "operators",
  tested: 3,
  start: { entries: [founding(["alice", "bob"])], links: [] },
  moves: (graph) => {
    const grants = operatorLogs(graph).flatMap(({ id, rank }) => {
      const ranks = [rank - 1, rank, rank + 1].filter((granted) => granted >= 0 && granted <= 2);
      return ranks.map((granted) => ({ log: id, body: grant("carol", granted), after: [] }));
    });
    return [...grants, ...cuts(graph, ["alice", "carol"])];
  },
};

/** Dora may do nothing alone; carol, her equal, eve, her junior, and alice may stand behind her. */
const thresholds: Scene = {
  name: "thresholds",
  tested: 3,
  start: {
    entries: [
      founding(["alice"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      said("dora", "alice", "founder:alice", grant("dora", 2, 2), "carol"),
      said("dora2", "alice", "founder:alice", grant("dora", 2, 2), "dora"),
      said("eve", "alice", "founder:alice", grant("eve", 3), "dora2"),
    ],
    links: [],
  },
  moves: (graph) => {
    const doras = ["dora", "dora2"];
    const acts = [
      { log: "dora", body: grant("fay", 3), after: [] },
      { log: "dora", body: { t: "cut", key: "eve", keeps: [] } as const, after: [] },
      { log: "founder:alice", body: { t: "cut", key: "carol", keeps: [] } as const, after: [] },
    ];
    const open = graph.history.entries.filter(({ log }) => doras.includes(log));
    const approvals = ["founder:alice", "carol", "dora2", "eve"].flatMap((log) =>
      open.map(({ id }) => ({ log, body: { t: "approve", entry: id } as const, after: [] })),
    );
    return [...acts, ...approvals];
  },
};

/** Carol has done something; how much of it is to stay is for two founders and the root to say. */
const frontiersScene: Scene = {
  name: "frontiers",
  tested: 3,
  start: {
    entries: [
      founding(["alice", "bob"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      said("early", "carol", "carol", grant("dave", 3), "carol"),
    ],
    links: [],
  },
  moves: (graph) => {
    const hers = { log: "carol", body: grant("eve", 3), after: [] };
    const other = { log: "founder:bob", body: grant("eve", 2), after: [] };
    return [hers, other, ...cuts(graph, ["carol"])];
  },
};

const hub = [
  said("hub", "alice", "founder:alice", { t: "enrol", key: "hub", name: "hub" }, "g"),
  said("desk", "alice", "founder:alice", { t: "role", node: "hub", label: "coordinator" }, "hub"),
];

/** A coordinator with a token that it may redeem twice, and operators who have seen this or that. */
const tokens: Scene = {
  name: "tokens",
  tested: 3,
  start: {
    entries: [
      founding(["alice"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      ...hub,
      said("side", "alice", "founder:alice", { t: "role", node: "hub", label: "coordinator" }, "desk", "carol"),
      said(
        "ticket",
        "alice",
        "founder:alice",
        { t: "token", name: "web", roles: ["coordinator"], issuer: "desk" },
        "side",
      ),
    ],
    links: [],
  },
  moves: (graph) => {
    const tickets = graph.of("token").map(({ id }) => id);
    const issuers = [...graph.logs.values()].filter(({ role }) => role?.label === "coordinator");
    const redeem = tickets.flatMap((token) =>
      issuers.flatMap(({ id }) =>
        ["x", "y"].map((key) => ({ log: id, body: { t: "redeem", token, key, name: "web" } as const, after: [token] })),
      ),
    );
    const nodes = graph.of("redeem").map(({ id, body }) => ({ id, log: `${body.token}/${body.key}` }));
    const roles = nodes.flatMap(({ id, log }) => [
      { log: "carol", body: { t: "role", node: log, label: "store" } as const, after: [id] },
      { log: "founder:alice", body: { t: "unrole", node: log, label: "coordinator", keeps: [] } as const, after: [id] },
    ]);
    const witnesses = ["founder:alice", "carol"].map((log) => ({ log, body: grant("dave", 3), after: [] }));
    const removed = cuts(graph, ["hub", "x"]).filter(({ log }) => log === "founder:alice");
    const unroles = frontiers(graph, "hub").map((keeps) => {
      return { log: "carol", body: { t: "unrole", node: "hub", label: "coordinator", keeps } as const, after: [] };
    });
    const mint = { t: "token", name: "web", roles: [], issuer: "desk" } as const;
    return [...redeem, ...roles, ...witnesses, ...removed, ...unroles, { log: "carol", body: mint, after: [] }];
  },
};

/** A coordinator has redeemed a token for x and for y, and both wait for a word of an operator. */
const duplicates: Scene = {
  name: "duplicates",
  tested: 2,
  start: {
    entries: [
      founding(["alice"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      said("hub", "alice", "founder:alice", { t: "enrol", key: "hub", name: "hub" }, "carol"),
      said("desk", "alice", "founder:alice", { t: "role", node: "hub", label: "coordinator" }, "hub"),
      said("ticket", "alice", "founder:alice", { t: "token", name: "web", roles: ["store"], issuer: "desk" }, "desk"),
      said("isX", "hub", "desk", { t: "redeem", token: "ticket", key: "x", name: "web" }, "ticket"),
      said("isY", "hub", "desk", { t: "redeem", token: "ticket", key: "y", name: "web" }, "ticket"),
    ],
    links: [],
  },
  unheard: 2,
  moves: (graph) => {
    const again = { log: "desk", body: { t: "redeem", token: "ticket", key: "x", name: "web" } as const, after: [] };
    const witnesses = ["founder:alice", "carol"].map((log) => ({ log, body: grant("dave", 3), after: [] }));
    const removed = cuts(graph, ["carol", "x"]).filter(({ log }) => log === "founder:alice");
    return [again, ...witnesses, ...removed];
  },
};

/** Two founders and a junior want the same name for several machines. */
const names: Scene = {
  name: "names",
  tested: 3,
  start: {
    entries: [
      founding(["alice", "bob"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      ...hub,
      said("ticket", "alice", "founder:alice", { t: "token", name: "nas", roles: [], issuer: "desk" }, "desk"),
    ],
    links: [],
  },
  moves: (graph) => {
    const enrols = ["founder:alice", "founder:bob", "carol"].flatMap((log) =>
      ["x", "y"].map((key) => ({ log, body: { t: "enrol", key, name: "nas" } as const, after: [] })),
    );
    const redeem = { log: "desk", body: { t: "redeem", token: "ticket", key: "z", name: "nas" } as const, after: [] };
    const witness = { log: "founder:bob", body: grant("dave", 2), after: [] };
    const removed = cuts(graph, ["x", "z"]).filter(({ log }) => log === "founder:bob" || log === "carol");
    return [...enrols, redeem, witness, ...removed];
  },
};

/** Roles of one machine are given and taken. */
const roles: Scene = {
  name: "roles",
  tested: 3,
  start: {
    entries: [
      founding(["alice"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      said("hub", "alice", "founder:alice", { t: "enrol", key: "hub", name: "hub" }, "g"),
    ],
    links: [],
  },
  moves: (graph) => {
    const label = "coordinator";
    const given = graph.of("role");
    const frontiersOfHub = [[], ...given.map(({ id }): Keep[] => [{ log: id, a: null, l: null }])];
    return ["founder:alice", "carol"].flatMap((log): Move[] => [
      { log, body: { t: "role", node: "hub", label }, after: ["hub"] },
      ...frontiersOfHub.map((keeps) => ({ log, body: { t: "unrole", node: "hub", label, keeps } as const, after: [] })),
      { log, body: { t: "cut", key: "hub", keeps: [] }, after: [] },
      { log, body: { t: "enrol", key: "hub", name: "hub" }, after: [] },
    ]);
  },
};

/** Carol's ledger forks, is pinned and is cut; alice, root and dave look on. */
const ledgers: Scene = {
  name: "ledgers",
  tested: 3,
  start: {
    entries: [
      founding(["alice"]),
      said("carol", "alice", "founder:alice", grant("carol", 2), "g"),
      said("dave", "alice", "founder:alice", grant("dave", 3), "carol"),
    ],
    links: [],
  },
  moves: (graph) => {
    const { links } = graph.history;
    const own = links.filter(({ log }) => log === "carol");
    const ends: (Link | null)[] = [null, ...own];
    const carols = ends.flatMap((prev) =>
      ["a", "b"].map((value) => {
        const hlc = (prev?.hlc ?? 0) + (value === "a" ? 1 : 2);
        return { log: "carol", prev, hlc, writes: [{ path: "p", value, over: [] }] };
      }),
    );
    const last = links.filter(({ log }) => log === "dave").at(-1) ?? null;
    const overs = [[], ...own.map(({ id }) => [id])];
    const daves = overs.map((over) => {
      return { log: "dave", prev: last, hlc: (last?.hlc ?? 0) + 1, writes: [{ path: "p", value: "d", over }] };
    });
    const pins = own.map(({ log, seq, id }) => ({ log, seq, id }));
    const checkpoints = ["founder:alice", "carol", "dave"].flatMap((log) =>
      pins.map((pin) => ({ log, body: { t: "checkpoint", pins: [pin] } as const, after: [] })),
    );
    const removed = cuts(graph, ["carol"]).filter(({ log }) => log !== "dave");
    return [...carols, ...daves, ...checkpoints, ...removed];
  },
};

/** Carol's ledger has forked, and there are those who may say which branch counts, and one who may not. */
const pins: Scene = {
  name: "pins",
  tested: 2,
  start: {
    entries: ledgers.start.entries,
    links: [
      { id: "a1", seq: 1, prev: null, hlc: 1, ...by("carol"), writes: [{ path: "p", value: "a1", over: [] }] },
      { id: "a2", seq: 2, prev: "a1", hlc: 2, ...by("carol"), writes: [{ path: "p", value: "a2", over: [] }] },
      { id: "b1", seq: 1, prev: null, hlc: 1, ...by("carol"), writes: [{ path: "p", value: "b1", over: [] }] },
    ],
  },
  moves: (graph) => {
    const { links } = graph.history;
    const checkpoints = ["founder:alice", "carol", "dave"].flatMap((log) =>
      links.map(({ seq, id }) => {
        return { log, body: { t: "checkpoint", pins: [{ log: "carol", seq, id }] } as const, after: [] };
      }),
    );
    const removed = cuts(graph, ["carol"]).filter(({ log }) => log === "founder:alice");
    const last = links.filter(({ id }) => id === "a2");
    const next = last.map((prev) => {
      return { log: "carol", prev, hlc: 3, writes: [{ path: "p", value: null, over: [] }] };
    });
    return [...checkpoints, ...removed, ...next];
  },
};

/** Carol replaced what dave wrote, and wrote over that herself; alice pins, and who comes later may get only what it came to. */
const states: Scene = {
  name: "states",
  tested: 3,
  start: {
    entries: ledgers.start.entries,
    links: [
      { id: "d1", seq: 1, prev: null, hlc: 2, ...by("dave"), writes: [{ path: "p", value: "d1", over: [] }] },
      { id: "d2", seq: 2, prev: "d1", hlc: 3, ...by("dave"), writes: [{ path: "q", value: "d2", over: [] }] },
      { id: "c1", seq: 1, prev: null, hlc: 1, ...by("carol"), writes: [{ path: "p", value: "c1", over: ["d1"] }] },
      { id: "c2", seq: 2, prev: "c1", hlc: 2, ...by("carol"), writes: [{ path: "q", value: "c2", over: [] }] },
    ],
  },
  moves: (graph) => {
    const { links } = graph.history;
    const of = (log: string) => links.filter((link) => link.log === log);
    const writes = ["p", "q"].flatMap((path) =>
      ["c", null].map((value) => {
        const prev = of("carol").at(-1) ?? null;
        return { log: "carol", prev, hlc: (prev?.hlc ?? 0) + 2, writes: [{ path, value, over: [] }] };
      }),
    );
    const last = of("dave").at(-1) ?? null;
    const answer = { path: "q", value: "d", over: ["c2"] };
    const dave = { log: "dave", prev: last, hlc: (last?.hlc ?? 0) + 1, writes: [answer] };
    const checkpoints = of("carol").map(({ log, seq, id }) => {
      return { log: "founder:alice", body: { t: "checkpoint", pins: [{ log, seq, id }] } as const, after: [] };
    });
    const removed = cuts(graph, ["carol"]).filter(({ log }) => log === "founder:alice");
    return [...writes, dave, ...checkpoints, ...removed];
  },
};

export const SCENES: readonly Scene[] = [
  operators,
  thresholds,
  frontiersScene,
  tokens,
  duplicates,
  names,
  roles,
  ledgers,
  pins,
  states,
];

export interface NumberedItem {
  readonly item: Item;
  readonly number: number;
}

/** All ways to take a move: every set of entries that its writer may have known. */
export function items(scene: Scene, graph: Graph): NumberedItem[] {
  return scene.moves(graph).flatMap((move): NumberedItem[] => {
    const { key } = graph.logOf(move.log);
    if (!("body" in move)) {
      const { log, prev, hlc, writes } = move;
      return [named({ key, log, seq: (prev?.seq ?? 0) + 1, prev: prev?.id ?? null, hlc, writes })];
    }
    const { log, body, after } = move;
    const needed = [
      graph.logOf(log).opening.id,
      ...graph
        .logOf(log)
        .openers.slice(0, 1)
        .map(({ id }) => id),
      ...after,
    ];
    return knowable(scene, graph, needed).map((parents) => named({ key, log, parents, body }));
  });
}

/** Antichains that have the scene's start and all of `needed` in their past. */
function knowable(scene: Scene, graph: Graph, needed: readonly Id[]): Id[][] {
  const common = scene.start.entries.length - (scene.unheard ?? 0);
  const happened = graph.history.entries.slice(common);
  const started = new Set(scene.start.entries.slice(0, common).map(({ id }) => id));
  const sets: Id[][] = [];
  for (let bits = 0; bits < 1 << happened.length; bits++) {
    const chosen = happened.filter((_, i) => (bits & (1 << i)) !== 0);
    const closed = new Set([...started, ...chosen.flatMap((entry) => [entry.id, ...graph.past(entry)])]);
    if (closed.size !== started.size + chosen.length || !needed.every((id) => closed.has(id))) continue;
    sets.push(headsOf(graph, closed));
  }
  return sets;
}

export function headsOf(graph: Graph, among: Iterable<Id>): Id[] {
  const ids = [...among];
  const parents = new Set(ids.flatMap((id) => graph.entry(id).parents));
  return ids.filter((id) => !parents.has(id)).sort();
}

const numbers = new Map<string, number>();

/** Equal content gets an equal name, as a hash would give it. */
function named(content: Omit<Entry, "id"> | Omit<Link, "id">): NumberedItem {
  const text = JSON.stringify(content);
  const number = numbers.get(text) ?? numbers.size + 1;
  numbers.set(text, number);
  return { number, item: { id: `${"seq" in content ? "w" : "e"}${number}`, ...content } as Item };
}

export function withItem(history: History, item: Item): History {
  if (isLink(item)) return { ...history, links: [...history.links, item] };
  return { ...history, entries: [...history.entries, item] };
}
