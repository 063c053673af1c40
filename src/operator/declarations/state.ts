import type { Json } from "../../core/json.ts";
import { readGroup } from "../../core/model/group.ts";
import { readLabel } from "../../core/model/label.ts";
import type { declarationStateOperation } from "../../operations/declaration.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import type { Courier } from "../requests.ts";
import type { Declarations } from "./read.ts";
import { recordPath } from "./records.ts";
import type { Known } from "./references.ts";

/** The operation by its path: its schema would load what a plan of nothing does not need. */
const STATE_PATH = "/v1/declaration-state";

export type StateQuestion = Required<InputOf<typeof declarationStateOperation>>;
export type DeclarationState = OutputOf<typeof declarationStateOperation>;
export type ServerState = DeclarationState["servers"][string];

export async function askState(courier: Courier, body: StateQuestion): Promise<DeclarationState> {
  return (await courier.call("POST", STATE_PATH, { body })) as DeclarationState;
}

/** What has to be known to compare declarations with what is, and what may go when `managedBy` prunes. */
export function questionOf(declarations: Declarations, managedBy: string | null): StateQuestion {
  const servers = [...(declarations.get("server")?.keys() ?? [])].sort();
  return { servers, managedBy, usersOf: { labels: [], sizes: [] } };
}

/** The kinds whose records the state has by path. */
export const RECORD_KINDS = [
  "label",
  "group",
  "alert",
  "size",
  "secret",
  "alarm-route",
] as const satisfies readonly Kind[];

/** Names and records of a kind that stand there. */
export function recordsOf({ records }: DeclarationState, kind: (typeof RECORD_KINDS)[number]): [string, Json][] {
  const prefix = recordPath(kind, "");
  return Object.entries(records).flatMap(([path, value]): [string, Json][] =>
    path.startsWith(prefix) ? [[path.slice(prefix.length), value as Json]] : [],
  );
}

/** What exists at the peer, for references of files. */
export function knownIn(state: DeclarationState): Known {
  const names = (kind: (typeof RECORD_KINDS)[number]) => new Set(recordsOf(state, kind).map(([name]) => name));
  const servers = Object.entries(state.servers).filter(([, { id, record }]) => id !== null || record !== null);
  const groups = recordsOf(state, "group").map(([name, value]) => readGroup(name, value, []));
  const labels = recordsOf(state, "label").map(([name, value]) => readLabel(name, value, []));
  return {
    names: {
      label: names("label"),
      group: names("group"),
      alert: names("alert"),
      size: names("size"),
      secret: names("secret"),
      "alarm-route": names("alarm-route"),
      server: new Set([...servers.map(([name]) => name), ...state.others.names]),
    },
    subgroups: new Map(groups.map((group) => [group.name, [...group.groups, ...group.exclude.groups]])),
    granted: new Set(labels.flatMap(({ secrets }) => secrets)),
  };
}
