import type { Path } from "./ledgers.ts";
import type { View } from "./view.ts";
import { type History, type Keep, isLink, type Item } from "./history.ts";

/** A history as a person would tell it, one line an entry. */
export function describe({ entries, links }: History): string {
  return [...entries, ...links].map(describeItem).join("\n");
}

export function describeItem(item: Item): string {
  if (isLink(item)) {
    const writes = item.writes.map(
      ({ path, value, over }) => `${path} = ${value}${over.length > 0 ? ` over ${over.join()}` : ""}`,
    );
    return `${item.id}: ${item.log} #${item.seq} after ${item.prev ?? "nothing"} at ${item.hlc}: ${writes.join(", ")}`;
  }
  return `${item.id}: ${item.log} ${describeBody(item)}, knowing ${item.parents.join(" ") || "nothing"}`;
}

function describeBody({ body }: Exclude<Item, { seq: number }>): string {
  switch (body.t) {
    case "genesis":
      return `founds: root ${body.root.k} of ${body.root.keys.join()}, ${body.founders.map(({ key, need }) => `${key} (need ${need})`).join()}`;
    case "grant":
      return `grants ${body.key} rank ${body.rank} [${body.rights.join()}] need ${body.need}`;
    case "cut":
      return `cuts ${body.key}${keeping(body.keeps)}`;
    case "approve":
      return `approves ${body.entry}`;
    case "enrol":
      return `enrols ${body.key} as ${body.name}`;
    case "token":
      return `makes a token for ${body.name ?? "any name"} [${body.roles.join()}], issuer ${body.issuer}`;
    case "redeem":
      return `redeems ${body.token} for ${body.key} as ${body.name}`;
    case "role":
      return `gives ${body.node} the role ${body.label}`;
    case "unrole":
      return `takes from ${body.node} the role ${body.label}${keeping(body.keeps)}`;
    case "checkpoint":
      return `pins ${body.pins.map(({ log, seq, id }) => `${log} #${seq} ${id}`).join()}`;
  }
}

function keeping(keeps: readonly Keep[]): string {
  return keeps.map(({ log, a, l }) => ` keeping of ${log}: ${a?.join(" ") ?? "none"}, ${l?.id ?? "no writes"}`).join();
}

/**
 * What two peers that know the same must agree on, as lines to be compared and read. Void entries are not in it: a peer
 * may have refused them (I1).
 */
export function picture(view: View): string[] {
  return [
    ...view.operators.map(({ log, rank, live }) => `operator ${log} of rank ${rank} is ${live ? "live" : "cut"}`),
    ...view.nodes.map(
      ({ log, name, state, naming, roles }) => `node ${log} ${name} ${naming} ${state} [${roles.join()}]`,
    ),
    ...[...view.authority.effective].map((id) => `${id} is effective`),
    ...[...view.authority.known].map((id) => `log ${id} is known`),
    ...view.ledgers
      .filter(({ kept }) => kept.length > 0)
      .map(({ log, kept }) => `ledger ${log}: ${kept.map(({ id }) => id).join()}`),
    ...view.paths.map(describePath),
  ].sort();
}

export function describePath({ path, winner, conflicts }: Path): string {
  return `${path} = ${winner.value} by ${winner.link.id}, not ${conflicts.map(({ link }) => link.id).join()}`;
}
