import { LabError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { Courier } from "../requests.ts";
import type { Outlook } from "./apply.ts";
import { baseText } from "./base.ts";
import { emptyPlan, planRecord } from "./plan-record.ts";
import { planMemberByHand } from "./plan-server.ts";
import { type Declarations, readDeclarations } from "./read.ts";
import { keptOf, recordPath } from "./records.ts";
import { requireResolved } from "./references.ts";
import { askState, knownIn } from "./state.ts";

export interface Edited {
  readonly kind: Kind;
  readonly name: string;
  /** What the editor was opened with, as a checked declaration says it. */
  readonly shown: unknown;
  /** What it was left with. */
  readonly declarations: Declarations;
}

/** Reads what an editor was left with: one declaration, of the thing that was opened. Throws `InvalidFile`. */
export function readEdited(kind: Kind, name: string, text: string): Declarations {
  const declarations = readDeclarations([{ name: `${kind}-${name.replaceAll("/", "-")}.yaml`, text }]);
  const found = [...declarations].flatMap(([one, things]) => [...things.keys()].map((thing) => `${one} ${thing}`));
  if (found.length === 1 && found[0] === `${kind} ${name}`) return declarations;
  throw new LabError("InvalidFile", `this is not ${kind} ${name} alone: ${found.join(", ") || "nothing"}`, {
    hint: "lab apply -f for other things",
  });
}

/** Plans one declaration in the place of what was shown. Whose files manage it stays as it is. */
export async function lookAtEdit(
  courier: Courier,
  { kind, name, shown, declarations }: Edited,
  hash: (text: string) => string,
): Promise<Outlook> {
  const servers = kind === "server" ? [name] : [];
  const state = await askState(courier, { servers, managedBy: null, usersOf: { labels: [], sizes: [] } });
  requireResolved(declarations, knownIn(state));
  const plan = emptyPlan();
  const spec = declarations.get(kind)?.get(name)?.spec;
  const server = state.servers[name];
  if (kind === "server" && server?.state === "active") {
    planMemberByHand(plan, name, server, spec, shown);
  } else {
    const before = (kind === "server" ? server?.record : state.records[recordPath(kind, name)]) ?? undefined;
    const owner = before === undefined ? null : keptOf(kind, name, before as Json).managedBy;
    planRecord(plan, kind, name, before as Json | undefined, spec, owner);
  }
  return { plan, state, base: hash(baseText({ declarations, modules: null }, state, plan)) };
}
