import type { Keys } from "../core/ports/keys.ts";
import type { VoidAct } from "../core/voids.ts";
import type { CutBody, UnroleBody } from "./authority/bodies.ts";
import { resolve } from "./authority/resolve.ts";
import { DesiredState } from "./desired.ts";
import { keptLedgers } from "./fold.ts";
import { ledgerBounds } from "./prefix.ts";
import type { Replica } from "./replica.ts";
import { Voids } from "./voids.ts";

/** What would be different if an act of removal were signed now, by somebody who knows all that is known here. */
export interface Consequences {
  /** Stands for the act in the `by` of the causes. */
  readonly act: string;
  /** All that counts now and would not any more. */
  readonly voids: readonly VoidAct[];
  /** Those of them that took something from somebody: what they removed would be back. */
  readonly revocations: readonly VoidAct[];
  readonly before: Standings;
  readonly after: Standings;
}

/** Who is in. */
export interface Standings {
  /** Ids of active machines. */
  readonly members: readonly string[];
  /** Operators' logs that are live. */
  readonly operators: readonly string[];
  /** Role labels that machines have. */
  readonly roles: readonly { readonly node: string; readonly label: string }[];
}

/** Asks before anything is signed (`trust.md` §10): nothing changes. `log` is that of whoever would sign. */
export function whatIf(replica: Replica, keys: Keys, log: string, body: CutBody | UnroleBody): Consequences {
  const { authority, chains, fold } = replica;
  const graph = replica.graph.supposing(log, body);
  const then = resolve(graph, keys);
  const known = { graph, chain: (id: string, chainClass: number) => replica.chain(id, chainClass) };
  const ledgers = keptLedgers(known, ledgerBounds(then));
  const desired = new DesiredState();
  for (const [id, { links }] of ledgers) for (const link of links) desired.apply(id, link);

  const { desired: desiredNow } = fold;
  const now = new Voids({ graph: replica.graph, authority, chains, ledgers: fold.ledgers, desired: desiredNow });
  const voidNow = new Set(now.all.map(nameOf));
  const voids = new Voids({ graph, authority: then, chains, ledgers, desired }).all.filter(
    (act) => !voidNow.has(nameOf(act)),
  );
  return {
    act: graph.at(graph.entries.length - 1).entry.id,
    voids,
    revocations: voids.filter(isRevocation),
    before: standingsOf(authority),
    after: standingsOf(then),
  };
}

function isRevocation({ said }: VoidAct): boolean {
  return said.kind === "authority" && (said.type === "cut" || said.type === "unrole");
}

function nameOf({ entry, said }: VoidAct): string {
  return said.kind === "write" ? `${entry} ${said.path}` : entry;
}

function standingsOf({ nodes, operators }: Pick<Replica["authority"], "nodes" | "operators">): Standings {
  const active = [...nodes.values()].filter(({ state }) => state === "active").sort((a, b) => (a.id < b.id ? -1 : 1));
  const live = [...operators.values()].filter(({ state, rank }) => state === "live" && rank > 0);
  return {
    members: active.map(({ id }) => id),
    operators: live.map(({ log }) => log).sort(),
    roles: active.flatMap(({ id, roles }) => [...roles].map((label) => ({ node: id, label }))),
  };
}
