import type { Keys } from "../core/ports/keys.ts";
import type { VoidAct } from "../core/voids.ts";
import type { CutBody, UnroleBody } from "./authority/bodies.ts";
import { resolve } from "./authority/resolve.ts";
import { DesiredState } from "./desired.ts";
import type { Chain } from "./chain.ts";
import { type Fold, keptLedgers } from "./fold.ts";
import { ledgerBounds } from "./prefix.ts";
import type { Replica } from "./replica.ts";
import { Voids } from "./voids.ts";

/** What would be different if acts of removal were signed now, by somebody who knows all that is known here. */
export interface Consequences {
  /** Stand for the acts, in their order, in the `by` of the causes. */
  readonly acts: readonly string[];
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

/** What the question is put to: a replica, or what an operator's command line knows of authority alone. */
export interface Questioned extends Pick<Replica, "graph" | "authority" | "chains"> {
  readonly fold: Pick<Fold, "ledgers" | "desired">;
  chain(log: string, chainClass: number): Chain | undefined;
}

/** Asks before anything is signed (`trust.md` §10): nothing changes. `log` is that of whoever would sign. */
export function whatIf(
  questioned: Questioned,
  keys: Keys,
  log: string,
  ...bodies: readonly (CutBody | UnroleBody)[]
): Consequences {
  const { authority, chains, fold } = questioned;
  const graph = bodies.reduce((before, body) => before.supposing(log, body), questioned.graph);
  const then = resolve(graph, keys);
  const known = { graph, chain: (id: string, chainClass: number) => questioned.chain(id, chainClass) };
  const ledgers = keptLedgers(known, ledgerBounds(then));
  const desired = new DesiredState();
  for (const [id, { links }] of ledgers) for (const link of links) desired.apply(id, link);

  const { desired: desiredNow } = fold;
  const now = new Voids({ graph: questioned.graph, authority, chains, ledgers: fold.ledgers, desired: desiredNow });
  const voidNow = new Set(now.all.map(nameOf));
  const voids = new Voids({ graph, authority: then, chains, ledgers, desired }).all.filter(
    (act) => !voidNow.has(nameOf(act)),
  );
  return {
    acts: graph.entries.slice(questioned.graph.entries.length).map(({ entry }) => entry.id),
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
