import type { Case } from "./case.ts";
import type { Entry, LogId } from "./history.ts";
import {
  differs,
  first,
  hasEffect,
  type Invariant,
  isActive,
  isOwner,
  namedSomewhere,
  seenAlone,
} from "./observations.ts";

export const NODE_INVARIANTS: readonly Invariant[] = [
  {
    id: "I10",
    says: "at most one active node per redeemed token; no later redemption displaces one that an operator entry had seen alone; no issuer brings a cut key back",
    broken: (world) => {
      const { graph } = world;
      const redeemed = (of: Case) => {
        return of.view.nodes.filter((node) => isActive(node) && graph.logOf(node.log).opening.body.t === "token");
      };
      const nodes = redeemed(world);
      const tokens = nodes.map(({ log }) => graph.logOf(log).opening.id);
      if (new Set(tokens).size < tokens.length) return "two active nodes of one token";
      const back = nodes.find(({ log, key }) => {
        const past = graph.past(graph.logOf(log).opening);
        return graph.of("cut").some((cut) => cut.body.key === key && hasEffect(world, cut) && !past.has(cut.id));
      });
      if (back !== undefined) return `${back.log} is back`;
      const named = namedSomewhere(world);
      const later = last(world, "redeem").filter(({ id }) => !named.has(id));
      return first(later, ({ id, body: { token } }) => {
        const node = [...graph.logs.values()].find(
          ({ kind, openers }) => kind === "node" && openers.some((by) => by.id === id),
        );
        const displaced = redeemed(world.without(id)).find(({ log }) => {
          if (graph.logOf(log).opening.id !== token || nodes.some((node) => node.log === log)) return false;
          return node !== undefined && seenAlone(world, log, node.id) < Infinity;
        });
        return displaced === undefined ? null : `${id} displaces ${displaced.log}`;
      });
    },
  },
  {
    id: "I15",
    says: "a name has at most one active owner; a duplicate of equal or lower standing never takes it from one that an operator entry had seen alone, and never inherits it",
    broken: (world) => {
      const { graph, view } = world;
      const owners = view.nodes.filter(isOwner);
      if (new Set(owners.map(({ name }) => name)).size < owners.length) return "a name has two owners";
      const standing = (log: LogId) => graph.logOf(graph.logOf(log).opening.log).rank;
      const taken = first([...last(world, "enrol"), ...last(world, "redeem")], ({ id }) => {
        return first(world.without(id).view.nodes.filter(isOwner), ({ log, name }) => {
          const now = owners.find((owner) => owner.name === name);
          if (now === undefined || now.log === log || standing(now.log) < standing(log)) return null;
          return seenAlone(world, log, now.log) === Infinity ? null : `${now.log} takes ${name} from ${log}`;
        });
      });
      // A cut that knows only one of two nodes also testifies for that one, which is no inheritance.
      const cuts = last(world, "cut").filter((cut) => world.knowsAll(cut));
      const inherited = first(cuts, (cut) => {
        const waiting = world.without(cut.id).view.nodes.filter(({ naming }) => naming === "contested");
        const heirs = view.nodes.filter(
          ({ log, naming }) => naming === "owned" && waiting.some((node) => node.log === log),
        );
        return first(heirs, ({ log, name }) => {
          const left = view.nodes.some((node) => node.key === cut.body.key && node.name === name && node.log !== log);
          return left ? `${log} inherits ${name} by ${cut.id}` : null;
        });
      });
      return taken ?? inherited;
    },
  },
  {
    id: "I20",
    says: "a token has effect only through its issuer; loss of the issuer blocks nothing but its tokens",
    broken: (world) => {
      const { graph } = world;
      const foreign = graph.of("redeem").find((redeem) => {
        const token = graph.entry(redeem.body.token) as Entry<"token">;
        const isIssuer = token.body.issuer === redeem.log && graph.logOf(redeem.log).role?.label === "coordinator";
        return hasEffect(world, redeem) && !isIssuer;
      });
      if (foreign !== undefined) return `${foreign.id} redeems another issuer's token`;
      const named = namedSomewhere(world);
      const lost = last(world, "unrole").filter(({ id, body }) => body.label === "coordinator" && !named.has(id));
      return first(lost, ({ id, body }) => {
        const others = ({ view }: Case) => {
          const enrolled = view.nodes.filter(({ log }) => log !== body.node && graph.byId.has(log));
          return enrolled.map(({ log, state, roles }) => `${log} is ${state} [${roles.join()}]`);
        };
        return differs(others(world.without(id)), others(world), `without the issuer, ${id}`);
      });
    },
  },
];

function last<T extends "cut" | "enrol" | "redeem" | "unrole">(world: Case, type: T): Entry<T>[] {
  return world.lastEntries.filter(({ body }) => body.t === type) as Entry<T>[];
}
