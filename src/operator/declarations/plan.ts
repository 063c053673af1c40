import { equalJson, type Json } from "../../core/json.ts";
import { ATTRIBUTES } from "../../core/names.ts";
import { labelPath, declaredServerPath, secretPath } from "../../core/paths.ts";
import { writePending } from "../pending.ts";
import type { OperatorContext } from "../requests.ts";
import { emptyPlan, type Plan, planServer, type ServerWishes, serverPaths } from "../server-change.ts";
import type { Subjects } from "../session.ts";
import type { Declarations } from "./read.ts";
import type { DeclaredLabel, DeclaredServer } from "./schema.ts";

/** What has to be known to compare declarations with what is. */
export function declarationSubjects({ labels, servers, secrets }: Declarations): Subjects {
  return {
    servers: [...servers.keys()],
    paths: [
      ...[...labels.keys()].map(labelPath),
      ...[...secrets.keys()].map(secretPath),
      ...[...servers].flatMap(([name, server]) => [declaredServerPath(name), ...serverPaths(name, wishesOf(server))]),
    ],
  };
}

/**
 * What is declared and not so yet. Only adds: what no declaration mentions stays as it is. Servers that are not
 * members become pending, and their token brings what is declared here.
 */
export function planDeclarations(declarations: Declarations, context: OperatorContext, nowMs: number): Plan {
  const plan = emptyPlan();
  for (const [name, label] of declarations.labels) {
    planValue(plan, context, { kind: "label", name, path: labelPath(name) }, labelValue(label));
  }
  for (const [name, secret] of declarations.secrets) {
    planValue(plan, context, { kind: "secret", name, path: secretPath(name) }, present(secret));
  }
  for (const [name, server] of declarations.servers) {
    const subject = context.servers[name];
    const wishes = wishesOf(server);
    const path = declaredServerPath(name);
    if (subject?.state === "active") {
      planServer(plan, name, subject, wishes, nowMs);
      if (context.current[path] === undefined) continue;
      plan.writes.push({ path, value: undefined });
      plan.changes.push(whole("delete", "pending", name, context.current[path], null, "is a member"));
    } else {
      const { add = [], attributes = {} } = wishes;
      const value = writePending({ labels: add, attributes: attributes as Record<string, string> });
      planValue(plan, context, { kind: "server", name, path, why: "pending" }, value);
    }
  }
  return plan;
}

interface Thing {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly why?: string;
}

/** A value that is replaced whole, told by its members. */
function planValue(plan: Plan, { current }: OperatorContext, { kind, name, path, why }: Thing, value: Json): void {
  const before = current[path] as Json | undefined;
  if (equalJson(before, value)) return;
  plan.writes.push({ path, value });
  if (before === undefined) {
    plan.changes.push(whole("create", kind, name, null, value, why ?? null));
    return;
  }
  const [old, fresh] = [members(before), members(value)];
  for (const field of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    const [from, to] = [old[field] ?? null, fresh[field] ?? null];
    if (equalJson(from, to)) continue;
    const action = from === null ? "create" : to === null ? "delete" : "update";
    plan.changes.push({ action, kind, name, field, from, to, why: why ?? null });
  }
}

function whole(
  action: "create" | "delete",
  kind: string,
  name: string,
  from: unknown,
  to: unknown,
  why: string | null,
): Plan["changes"][number] {
  return { action, kind, name, field: null, from, to, why };
}

function members(value: Json): Readonly<Record<string, Json>> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Readonly<Record<string, Json>>) : { value };
}

/** As it stands at `label/<name>`. */
function labelValue({ puppet_classes, ports, size, alerts, secrets }: DeclaredLabel): Json {
  return present({ puppetClasses: puppet_classes, ports, size, alerts, secrets });
}

/** Without members that say nothing. */
function present(value: Readonly<Record<string, unknown>>): Json {
  const told = Object.entries(value).filter(([, member]) => !(member === undefined || isEmptyList(member)));
  return Object.fromEntries(told) as Json;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function wishesOf(server: DeclaredServer): ServerWishes {
  const attributes = ATTRIBUTES.flatMap((name) => {
    const value = server[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { add: [...new Set(server.labels ?? [])], attributes: Object.fromEntries(attributes) };
}
