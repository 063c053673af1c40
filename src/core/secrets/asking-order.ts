import type { Peers } from "../ports/mesh.ts";
import type { Random } from "../ports/random.ts";
import type { Node } from "../view.ts";

const RANK = { yes: 0, unknown: 1, no: 2 } as const;

/** Those who are online first, in random order among equals, so that no store is everybody's first. */
export function inAskingOrder(nodes: readonly Node[], peers: Pick<Peers, "opinion">, random: Random): Node[] {
  const shuffled = [...nodes];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const [a, b] = [shuffled[last] as Node, shuffled[other] as Node];
    shuffled[last] = b;
    shuffled[other] = a;
  }
  const rank = new Map(shuffled.map(({ key }) => [key, RANK[peers.opinion(key).online]]));
  return shuffled.sort((a, b) => (rank.get(a.key) ?? 0) - (rank.get(b.key) ?? 0));
}
