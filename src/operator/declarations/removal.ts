import { LabError, NotFoundError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { nearest } from "../../core/nearest.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { Courier } from "../requests.ts";
import type { Outlook } from "./apply.ts";
import { baseText } from "./base.ts";
import { emptyPlan, planRemoval } from "./plan-record.ts";
import { recordPath } from "./records.ts";
import { askState, type DeclarationState, RECORD_KINDS, recordsOf } from "./state.ts";
import { requireUnused, usesOf } from "./uses.ts";

export interface Removal {
  readonly kind: Kind;
  readonly names: readonly string[];
  /** Whether what is in use may go. */
  readonly force: boolean;
}

/** Plans to remove declarations by name. Throws `NotFound` with the nearest names, `InUse`. */
export async function lookAtRemoval(
  courier: Courier,
  { kind, names, force }: Removal,
  hash: (text: string) => string,
): Promise<Outlook> {
  const used = { labels: kind === "label" ? [...names] : [], sizes: kind === "size" ? [...names] : [] };
  const servers = kind === "server" ? [...names] : [];
  const state = await askState(courier, { servers, managedBy: null, usersOf: used });
  const plan = emptyPlan();
  for (const name of new Set(names)) planRemoval(plan, kind, name, requireRecord(state, kind, name), null);
  if (!force) {
    for (const name of servers) requireNoMember(state, name);
    requireUnused(usesOf(plan, state));
  }
  return { plan, state, base: hash(baseText({ declarations: new Map(), modules: null }, state, plan)) };
}

function requireNoMember({ servers }: DeclarationState, name: string): void {
  if (servers[name]?.state !== "active") return;
  throw new LabError("InUse", `server ${name} is a member, and stays one`, {
    notes: ["only what files declare of it would go; what it has of that already, it keeps"],
    hint: `lab edit server ${name}, or --force`,
  });
}

/** The record of a declared thing. Throws `NotFound`. */
export function requireRecord(state: DeclarationState, kind: Kind, name: string): Json {
  const record = kind === "server" ? state.servers[name]?.record : state.records[recordPath(kind, name)];
  if (record !== undefined && record !== null) return record as Json;
  const section = RECORD_KINDS.find((one) => one === kind);
  const known = section === undefined ? state.others.names : recordsOf(state, section).map(([one]) => one);
  throw new NotFoundError(kind, name, nearest(name, known));
}
