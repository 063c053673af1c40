import type { Case } from "./case.ts";
import type { Entry, LogId } from "./history.ts";
import type { Node } from "./nodes.ts";
import {
  cutters,
  differs,
  first,
  hasEffect,
  type Invariant,
  isActive,
  isOwner,
  isVoid,
  namedSomewhere,
  nodeLines,
  operatorLines,
  seenAlone,
} from "./observations.ts";
import { picture } from "./describe.ts";
import type { View } from "./view.ts";

export const OPERATOR_INVARIANTS: readonly Invariant[] = [
  {
    id: "one answer",
    says: "resolution is a stratified program with exactly one model (§1)",
    broken: ({ view }) =>
      view.authority.undecided.length === 0 ? null : `undecided: ${view.authority.undecided.join()}`,
  },
  {
    id: "I2",
    says: "no entry outside the kept part of a cut log changes any view, unless a frontier or a pin names it",
    broken: (world) => {
      const { view, history } = world;
      const outside = [...history.entries.slice(1), ...history.links].filter((item) => isVoid(world, item));
      const kept = new Set(view.ledgers.flatMap((ledger) => ledger.kept.map(({ id }) => id)));
      const counting = outside.find((item) => hasEffect(world, item) || kept.has(item.id));
      if (counting !== undefined) return `${counting.id} is void and counts`;
      const named = namedSomewhere(world);
      const last = world.last.filter((item) => outside.includes(item) && !named.has(item.id));
      return first(last, ({ id }) => differs(picture(world.without(id).view), picture(view), `void ${id}`));
    },
  },
  {
    id: "I3",
    says: "an entry of rank r changes nothing about logs and effective entries of ranks ≤ r, except new logs of rank r, completed approvals, and what a frontier that names it keeps",
    broken: (world) => {
      const acts = world.lastEntries.filter(({ log }) => world.graph.logOf(log).kind === "operator");
      return first(acts, (entry) => {
        const { rank } = world.graph.logOf(entry.log);
        const [before, what] = [world.without(entry.id), `${entry.id} of rank ${rank}`];
        const seniors = differs(upTo(rank - 1, before, entry), upTo(rank - 1, world, entry), what);
        if (seniors !== null) return seniors;
        const equals = upTo(rank, world, entry);
        const lost = upTo(rank, before, entry).filter((line) => !equals.includes(line));
        if (lost.length > 0) return `${what} takes from its equals: ${lost.join()}`;
        const gives = ["grant", "approve"].includes(entry.body.t) || namedSomewhere(world).has(entry.id);
        return gives ? null : differs(upTo(rank, before, entry), equals, what);
      });
    },
  },
  {
    id: "I4",
    says: "a harmless honest entry (grant, enrol, role) never displaces another",
    broken: (world) => {
      const harmless = world.lastEntries.filter(({ body }) => ["grant", "enrol", "role", "token"].includes(body.t));
      const has = (of: Case) => {
        const enrolled = of.view.nodes.filter(({ log }) => of.graph.byId.has(log));
        return [
          ...operatorLines(of),
          ...nodeLines({ nodes: enrolled.map((node) => ({ ...node, naming: "contested" })) }),
        ];
      };
      return first(harmless, ({ id }) => {
        const now = has(world);
        const gone = has(world.without(id)).filter((line) => !now.includes(line));
        return gone.length === 0 ? null : `${id} ends: ${gone.join()}`;
      });
    },
  },
  {
    id: "I5",
    says: "an honest entry written with full knowledge by a live log with need 1 takes effect",
    broken: (world) =>
      first(world.lastEntries, (entry) => (world.knowsAll(entry) ? withoutEffect(world, entry) : null)),
  },
  {
    id: "I6",
    says: "without root, the set of live operators never becomes empty",
    broken: (world) => {
      const root = world.history.entries.slice(1).some((entry) => {
        return world.graph.logOf(entry.log).rank === 0 && hasEffect(world, entry);
      });
      return root || world.view.operators.some(({ live, rank }) => live && rank > 0) ? null : "nobody is left";
    },
  },
  {
    id: "I7",
    says: "back-dating gains nothing: among operators, an entry with any parents has the effect that it has with all heads as parents, or none; among nodes it can remove, contest and settle, but never obtain from one that an operator entry of its rank or a smaller one had seen alone",
    broken: (world) => {
      const named = namedSomewhere(world);
      const backDated = world.lastEntries.filter((entry) => {
        return world.graph.logOf(entry.log).kind === "operator" && !world.knowsAll(entry) && !named.has(entry.id);
      });
      return first(backDated, (entry) => {
        const [before, openly] = [world.without(entry.id), world.knowingAll(entry)];
        const now = operatorLines(world, entry.id);
        const gained = differs(operatorLines(openly, entry.id), now, `${entry.id}, not knowing all`);
        if (gained !== null && differs(operatorLines(before), now, "") !== null) return gained;
        return obtained(world, entry, before, openly);
      });
    },
  },
  {
    id: "I8",
    says: "a removed key is live only through a grant that has its removal in its past; a removed role likewise (§4)",
    broken: (world) => {
      const { graph, view } = world;
      const live = [...view.operators.filter((operator) => operator.live), ...view.nodes.filter(isActive)];
      const key = first(live, ({ log, key: of }) => {
        const { rank, opening } = graph.logOf(log);
        const cut = graph.of("cut").find((one) => {
          return (
            one.body.key === of &&
            hasEffect(world, one) &&
            graph.logOf(one.log).rank < rank &&
            !graph.past(opening).has(one.id)
          );
        });
        return cut === undefined ? null : `${log} is live in spite of ${cut.id}`;
      });
      return key ?? first(view.nodes, (node) => first(node.roles, (label) => roleBack(world, node.log, label)));
    },
  },
  {
    id: "I9",
    says: "no effective entry has fewer distinct approving keys than its log's need, or a foreign writer; nothing else acts",
    broken: (world) => {
      const { graph, view } = world;
      const acting = world.history.entries.slice(1).filter((entry) => hasEffect(world, entry));
      const cutByNobody = view.operators.find(
        ({ log, live }) => !live && cutters(world, graph.logOf(log)).length === 0,
      );
      if (cutByNobody !== undefined) return `${cutByNobody.log} is cut, and by no effective entry`;
      return first(acting, (entry) => {
        const log = graph.logOf(entry.log);
        if (log.key !== entry.key) return `${entry.id} is by a foreign writer`;
        if (log.kind !== "operator" || entry.body.t === "approve") return null;
        if (!log.rights.includes("admin")) return `${entry.id} is by one who is no admin`;
        if (entry.body.t === "grant" && entry.body.rank < log.rank)
          return `${entry.id} grants more than its writer has`;
        const approvals = graph.of("approve").filter((approve) => {
          return (
            approve.body.entry === entry.id && hasEffect(world, approve) && graph.logOf(approve.log).rank <= log.rank
          );
        });
        const keys = new Set([entry.key, ...approvals.map(({ key }) => key)]);
        return keys.size >= log.need ? null : `${entry.id} has only ${[...keys].join()} behind it`;
      });
    },
  },
];

/** Logs and effects of ranks up to a limit, but for one entry's own. */
function upTo(limit: number, world: Case, except: Entry): string[] {
  const senior = (log: LogId) => (world.graph.logs.get(log)?.rank ?? 0) <= limit;
  const effects = world.history.entries.filter((entry) => {
    return entry.id !== except.id && senior(entry.log) && hasEffect(world, entry);
  });
  const logs = world.view.operators.filter(({ log }) => senior(log));
  return [
    ...effects.map(({ id }) => `${id} has effect`),
    ...logs.map(({ log, live }) => `${log} is ${live ? "live" : "cut"}`),
  ];
}

function roleBack(world: Case, node: LogId, label: string): string | null {
  const { graph } = world;
  const { opening } = graph.logOf(node);
  const isOf = ({ body }: Entry<"role"> | Entry<"unrole">) => body.node === node && body.label === label;
  const brought = opening.body.t === "token" && opening.body.roles.includes(label) ? [opening] : [];
  const given = graph.of("role").filter((entry) => isOf(entry) && hasEffect(world, entry));
  const taken = graph.of("unrole").filter((entry) => isOf(entry) && hasEffect(world, entry));
  const stays = [...brought, ...given].some((entry) => taken.every(({ id }) => graph.past(entry).has(id)));
  return stays ? null : `${node} is ${label} in spite of ${taken.map(({ id }) => id).join()}`;
}

/** What nodes have only because `entry` was written without some knowledge, and that I7 does not leave to it. */
function obtained(world: Case, entry: Entry, before: Case, openly: Case): string | null {
  const { graph } = world;
  const { rank } = graph.logOf(entry.log);
  const had = new Set([...nodeLines(before.view), ...nodeLines(openly.view)]);
  const token = ({ log }: Node) => (graph.logOf(log).opening.body.t === "token" ? graph.logOf(log).opening.id : null);
  const rob = (is: (node: Node) => boolean, line: (node: Node) => string, what: (node: Node) => string | null) => {
    const winners = came(before.view, world.view, is).filter((node) => !had.has(line(node)));
    const losers = came(world.view, before.view, is);
    return first(winners, (to) => {
      const from = losers.find((node) => what(node) !== null && what(node) === what(to));
      const seen = from !== undefined && from.log !== to.log && seenAlone(before, from.log, to.log) <= rank;
      return seen ? `${entry.id} gives ${to.log} what ${from.log} had, by what it does not know` : null;
    });
  };
  const robbed =
    rob(
      isOwner,
      ({ log, name }) => `${log} owns ${name}`,
      ({ name }) => name,
    ) ?? rob(isActive, ({ log }) => `${log} is active`, token);
  if (robbed !== null) return robbed;
  const activeBefore = before.view.nodes.filter(isActive).map(({ log }) => log);
  const settled = world.view.nodes.filter(({ log }) => activeBefore.includes(log));
  const role = nodeLines({ nodes: settled.map((node) => ({ ...node, naming: "contested" })) }).find(
    (line) => !had.has(line),
  );
  return role === undefined ? null : `by what ${entry.id} does not know, ${role}`;
}

function came(before: View, after: View, is: (node: Node) => boolean): Node[] {
  const then = new Set(before.nodes.filter(is).map(({ log }) => log));
  return after.nodes.filter((node) => is(node) && !then.has(node.log));
}

/** What an entry is for, by its type, and does not do. */
function withoutEffect(world: Case, entry: Entry): string | null {
  const { graph, view } = world;
  const { id, body } = entry;
  const log = graph.logOf(entry.log);
  const live = world.without(id).view.operators.some((operator) => operator.log === log.id && operator.live);
  if (!live || !log.rights.includes("admin") || log.need > 1 || (body.t === "grant" && body.rank < log.rank))
    return null;
  if (!hasEffect(world, entry)) return `${id} has no effect`;
  const node = (of: LogId) => view.nodes.find((one) => one.log === of);
  switch (body.t) {
    case "grant":
      return view.operators.some((operator) => operator.log === id && operator.live) ? null : `${id} opens no live log`;
    case "enrol":
      return node(id)?.state === "active" ? null : `${id} opens no node`;
    case "role":
      return node(body.node)?.state !== "active" || node(body.node)?.roles.includes(body.label)
        ? null
        : `${id} gives no role`;
    case "unrole":
      return node(body.node)?.roles.includes(body.label) ? `${id} takes no role` : null;
    case "cut": {
      const live = [...view.operators.filter((operator) => operator.live), ...view.nodes.filter(isActive)];
      const left = live.find((one) => one.key === body.key && graph.logOf(one.log).rank > log.rank);
      return left === undefined ? null : `${id} leaves ${left.log}`;
    }
    default:
      return null;
  }
}
