import { type Entry, isLink, type Item } from "./history.ts";
import { differs, first, type Invariant } from "./observations.ts";
import { picture } from "./describe.ts";

export const PEER_INVARIANTS: readonly Invariant[] = [
  {
    id: "I1",
    says: "equal sets of entries ⇒ equal views, for every order, duplication and parking; also with the unreferenced void entries left out",
    broken: (world) => {
      const { arrived } = world;
      const orders = [[...arrived].reverse()];
      if (arrived.some(isRemoval)) {
        orders.push([...arrived.filter(isRemoval), ...arrived.filter((item) => !isRemoval(item)), ...arrived]);
      }
      return first(orders, (order) => {
        const peer = world.peer();
        for (const item of order) peer.offer(item);
        peer.learn(arrived);
        const view = peer.answer([]);
        if (view === null) return "a peer gives no answer";
        return differs(picture(world.view), picture(view), `in the order ${order.map(({ id }) => id).join()}`);
      });
    },
  },
  {
    id: "I16",
    says: "entries void by a cut that itself becomes void return on every peer",
    broken: (world) => {
      const removals = world.arrived.filter(isRemoval);
      if (removals.length < 2) return null;
      const rank = ({ log }: Item) => world.graph.logOf(log).rank;
      const senior = Math.min(...removals.map(rank));
      const last = removals.filter((item) => rank(item) === senior);
      const before = removals.filter((item) => rank(item) > senior);
      const peer = world.peer();
      for (const item of [...before, ...world.arrived.filter((one) => !removals.includes(one)), ...last])
        peer.offer(item);
      peer.learn(world.arrived);
      const kept = world.view.ledgers.flatMap((ledger) => ledger.kept.map(({ id }) => id));
      const missing = [...world.view.authority.effective, ...kept].filter((id) => !peer.has(id));
      return missing.length === 0 ? null : `a peer lacks ${missing.join()}`;
    },
  },
  {
    id: "I17",
    says: "a revoked key is refused from the verification of the cut on, whatever is parked, if the cutting log needs nobody else",
    broken: (world) => {
      const cuts = world.lastEntries.filter((entry): entry is Entry<"cut"> => entry.body.t === "cut");
      return first(cuts, (cut) => {
        const writer = world.graph.logOf(cut.log);
        const late = cut.parents.find((id) => id !== writer.opening.id);
        const peer = world.peer();
        for (const item of world.arrived) if (item !== cut && item.id !== late) peer.offer(item);
        const live = peer.answer([])?.operators.some(({ log, live: is }) => log === writer.id && is) ?? false;
        peer.offer(cut);
        if (!live || writer.need > 1) return null;
        const logs = [...peer.graph.logs.values()].filter(({ key }) => key === cut.body.key);
        const junior = logs.every(({ rank, opening }) => rank > writer.rank && !peer.graph.past(opening).has(cut.id));
        return junior && peer.mayConnect(cut.body.key) ? `${cut.body.key} may connect in spite of ${cut.id}` : null;
      });
    },
  },
  {
    id: "I18",
    says: "a store never answers with a view that lacks entries the requester named",
    broken: (world) => {
      const [last] = world.last;
      if (last === undefined) return null;
      const store = world.peer();
      for (const item of world.arrived) if (item !== last) store.offer(item);
      return store.answer([last.id]) === null ? null : `a store answers without ${last.id}`;
    },
  },
];

function isRemoval(item: Item): boolean {
  return !isLink(item) && (item.body.t === "cut" || item.body.t === "unrole");
}
