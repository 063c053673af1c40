import { LabError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type {
  AlertApplied,
  GroupApplied,
  LabelApplied,
  SecretApplied,
  ServerApplied,
} from "../operations/kinds/applied.ts";
import type { ItemDocument } from "../operations/kinds/meta.ts";
import type { Connection } from "./connection/connection.ts";
import { ruleText } from "./render/rule.ts";

type Query = Readonly<Record<string, string>>;

/** Something that exists and does not concern the server that was asked about. */
interface Elsewhere {
  readonly what: string;
  readonly notes: readonly string[];
  readonly hint: string;
}

/** Why an item is not on a server: it is nowhere, or it concerns others; then who keeps this one out, or what it takes. */
export async function whyNot(
  connection: Connection,
  applied: ServerApplied,
  item: string,
  known: Iterable<string>,
): Promise<LabError> {
  const server = applied.server.name;
  const found = await elsewhere(connection, applied, item);
  if (found === undefined) {
    const near = nearest(item, new Set(known));
    return new LabError("NotFound", `nothing on ${server} is called "${item}"`, {
      notes: near.length > 0 ? [`nearest: ${near.join(", ")}`] : [],
      hint: `lab show server ${server}`,
    });
  }
  const { what, notes, hint } = found;
  return new LabError("NotFound", `${what} does not concern ${server}`, { notes, hint });
}

async function elsewhere(connection: Connection, applied: ServerApplied, item: string): Promise<Elsewhere | undefined> {
  const ask = async <T>(path: string, query: Query = {}): Promise<T | undefined> => {
    try {
      return ((await connection.call("GET", `/v1/applied/${path}`, { query })) as ItemDocument<T>).item;
    } catch (error) {
      if (error instanceof LabError && error.code === "NotFound") return undefined;
      throw error;
    }
  };
  const name = encodeURIComponent(item);
  const alert = await ask<AlertApplied>(`alerts/${name}`);
  if (alert !== undefined) {
    const groups = (alert.target?.["groups"] ?? []) as readonly string[];
    const target = alert.target === null ? [] : [`it targets ${ruleText(alert.target)}`];
    const notes = [...target, ...keptOut(applied, groups)];
    return { what: `alert ${item}`, notes, hint: `lab show alert ${item}` };
  }
  const group = await ask<GroupApplied>(`groups/${name}`);
  if (group !== undefined) {
    const notes = keptOut(applied, group.groups);
    return { what: `group ${item}`, notes, hint: `lab show group ${item}` };
  }
  const secret = await ask<SecretApplied>("secrets", { path: item });
  if (secret !== undefined) {
    const labels = [...new Set(secret.accessibleBy.map(({ label }) => label))];
    const notes = [labels.length === 0 ? "no label grants it" : `it takes label ${labels.join(" or ")}`];
    return { what: `secret ${item}`, notes, hint: `lab show secret ${item}` };
  }
  const label = await ask<LabelApplied>(`labels/${name}`);
  return label && { what: `label ${item}`, notes: [], hint: `lab show label ${item}` };
}

function keptOut({ server, groups, excludedFrom }: ServerApplied, targets: readonly string[]): string[] {
  return targets
    .filter((name) => !groups.includes(name))
    .map((name) => {
      const by = excludedFrom.find((one) => one.kind === "group" && one.name === name)?.by;
      if (by === undefined) return `${server.name} is not in group ${name}`;
      return `${server.name} is kept out of group ${name} by ${by.kind} ${by.name}`;
    });
}
