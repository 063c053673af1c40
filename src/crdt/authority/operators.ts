import { toHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { GrantBody, Need, Right } from "./bodies.ts";
import { Cuts, isKept } from "./frontier.ts";
import type { AuthorityGraph, GraphEntry } from "./graph.ts";
import { genesisLog, rootLog } from "./identifiers.ts";

/** What opened an operator's log gave it, for its whole life. */
export interface OperatorGrant {
  readonly log: string;
  readonly key: string;
  readonly name: string;
  /** Root 0, founders 1, others below: a larger number is less power. */
  readonly rank: number;
  readonly rights: ReadonlySet<Right>;
  readonly need: Need;
  readonly opening: number;
}

/** Who has which power, and which acts have effect, nodes aside. */
export interface OperatorPlane {
  readonly logs: ReadonlyMap<string, OperatorGrant>;
  readonly effective: ReadonlySet<number>;
  readonly cuts: Cuts;
  /** Hex keys of the effective approvals, by the id of what they approve. */
  readonly approvals: ReadonlyMap<string, ReadonlySet<string>>;
}

const ALL_RIGHTS: ReadonlySet<Right> = new Set(["admin", "ops", "destroy"]);

/** Resolution by rank, `trust.md` §4, in its words and order. */
export function resolveOperators(
  graph: AuthorityGraph,
  keys: Pick<Keys, "hash">,
  entriesByLog: ReadonlyMap<string, readonly GraphEntry[]>,
): OperatorPlane {
  const logs = new Map<string, OperatorGrant>();
  const effective = new Set<number>();
  const cuts = new Cuts(graph);
  const approvals = new Map<string, Set<string>>();
  const ranks = new Set<number>();
  const byRank = new Map<number, OperatorGrant[]>();
  const open = (grant: OperatorGrant): void => {
    logs.set(grant.log, grant);
    ranks.add(grant.rank);
    byRank.set(grant.rank, [...(byRank.get(grant.rank) ?? []), grant]);
  };
  for (const grant of genesisGrants(graph, keys)) open(grant);
  if (logs.size > 0) effective.add(0);

  for (let rank = smallest(ranks); rank !== null; rank = smallest(ranks)) {
    for (let changed = true; changed; ) {
      changed = false;
      for (const grant of [...(byRank.get(rank) ?? [])].filter(({ rights }) => rights.has("admin"))) {
        const enders = cuts.applying(grant);
        for (const node of entriesByLog.get(grant.log) ?? []) {
          if (effective.has(node.index) || !isKept(graph, node, enders)) continue;
          const { body } = node;
          const isApproved = keysBehind(node, approvals) >= grant.need.admin || graph.isSupposed(node.index);
          if (body.type !== "approve" && !isApproved) continue;
          if (body.type === "grant" && body.rank < rank) continue;
          effective.add(node.index);
          changed = true;
          if (body.type === "grant") open(grantedLog(node, body));
          if (body.type === "approve") {
            const id = toHex(body.entry);
            approvals.set(id, (approvals.get(id) ?? new Set()).add(node.key));
          }
        }
      }
    }
    for (const index of effective) {
      const node = graph.at(index);
      if (node.body.type === "cut" && logs.get(node.log)?.rank === rank) cuts.add({ index, rank, body: node.body });
    }
    ranks.delete(rank);
  }
  return { logs, effective, cuts, approvals };
}

/** Root and founders; none without a genesis entry. */
function genesisGrants(graph: AuthorityGraph, keys: Pick<Keys, "hash">): OperatorGrant[] {
  const genesis = graph.entries[0];
  if (genesis?.body.type !== "genesis") return [];
  const { root, founders } = genesis.body;
  const { hash } = genesis.entry;
  return [
    ...founders.map((founder) => ({
      log: toHex(genesisLog(keys, hash, founder.key)),
      key: toHex(founder.key),
      name: founder.name,
      rank: 1,
      rights: new Set(founder.rights),
      need: founder.need,
      opening: 0,
    })),
    ...root.keys.map((key) => ({
      log: toHex(rootLog(keys, hash, key)),
      key: toHex(key),
      name: "root",
      rank: 0,
      rights: ALL_RIGHTS,
      need: { admin: root.k, destroy: root.k },
      opening: 0,
    })),
  ];
}

function grantedLog(node: GraphEntry, body: GrantBody): OperatorGrant {
  return {
    log: node.entry.id,
    key: toHex(body.key),
    name: body.name,
    rank: body.rank,
    rights: new Set(body.rights),
    need: body.need,
    opening: node.index,
  };
}

/** Distinct keys: the writer's, and those of effective approvals. */
function keysBehind(node: GraphEntry, approvals: ReadonlyMap<string, ReadonlySet<string>>): number {
  const approving = approvals.get(node.entry.id);
  return (approving?.size ?? 0) + (approving?.has(node.key) === true ? 0 : 1);
}

function smallest(ranks: ReadonlySet<number>): number | null {
  return ranks.size === 0 ? null : Math.min(...ranks);
}
