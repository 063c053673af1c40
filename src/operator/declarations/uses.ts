import { LabError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { readAlarmRoute, secretsOf } from "../../core/model/alarm-route.ts";
import { readAlert } from "../../core/model/alert.ts";
import { readGroup } from "../../core/model/group.ts";
import { readLabel } from "../../core/model/label.ts";
import { type Exclusion, NO_RULE, type Rule } from "../../core/model/rule.ts";
import { declaredServerPath, serverAttributePath, serverLabelPath } from "../../core/paths.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { DeclarationPlan } from "./plan-record.ts";
import { type DeclarationState, RECORD_KINDS, recordsOf } from "./state.ts";

/** Something that goes and is named by something that stays. */
export interface Use {
  readonly kind: Kind;
  readonly name: string;
  /** `group production`, `server web-1`. */
  readonly by: string;
}

/** What still names the records that a plan removes, once all of it is done. */
export function usesOf(plan: DeclarationPlan, state: DeclarationState): Use[] {
  const after = stateAfter(plan, state);
  // A member keeps its name, whatever files say of it.
  const going = plan.removed.filter(({ kind, name }) => kind !== "server" || state.servers[name]?.state !== "active");
  return going.flatMap(({ kind, name }) => {
    const users = [...usersAmongRecords(after, kind, name), ...usersAmongServers(plan, state, kind, name)];
    return users.map((by) => ({ kind, name, by }));
  });
}

/** Names of labels and sizes of which the state must tell who uses them. */
export function namesToAskFor({ removed }: DeclarationPlan): { labels: string[]; sizes: string[] } {
  const named = (kind: Kind) => removed.filter((one) => one.kind === kind).map(({ name }) => name);
  return { labels: named("label"), sizes: named("size") };
}

const USES_SHOWN = 12;

/** Throws `InUse` with the list of uses, if there are any. */
export function requireUnused(uses: readonly Use[]): void {
  const [first] = uses;
  if (first === undefined) return;
  const things = [...new Set(uses.map(({ kind, name }) => `${kind} ${name}`))];
  const lines = uses.map(({ kind, name, by }) => `${kind} ${name} is used by ${by}`);
  const hidden = lines.length - USES_SHOWN;
  const what = things.length === 1 ? `${things[0]} is in use` : `${things.length} things are in use`;
  throw new LabError("InUse", `${what}, nothing was removed`, {
    notes: [...lines.slice(0, USES_SHOWN), ...(hidden > 0 ? [`and ${hidden} more uses`] : [])],
    hint: "take it away there first, or remove it all the same with --force",
  });
}

function stateAfter({ writes }: DeclarationPlan, state: DeclarationState): DeclarationState {
  const records = new Map(Object.entries(state.records));
  for (const { path, value } of writes) {
    if (value === undefined) records.delete(path);
    else records.set(path, value as DeclarationState["records"][string]);
  }
  return { ...state, records: Object.fromEntries(records) };
}

function usersAmongRecords(state: DeclarationState, kind: Kind, name: string): string[] {
  return RECORD_KINDS.flatMap((user) =>
    recordsOf(state, user)
      .filter(([userName, value]) => names(user, userName, value, kind, name))
      .map(([userName]) => `${user} ${userName}`),
  );
}

function names(user: Kind, userName: string, value: Json, kind: Kind, name: string): boolean {
  switch (user) {
    case "label": {
      const { alerts, secrets, size } = readLabel(userName, value, []);
      if (kind === "size") return size === name;
      return (kind === "alert" ? alerts : kind === "secret" ? secrets : []).includes(name);
    }
    case "group": {
      const group = readGroup(userName, value, []);
      const rules = [
        group.match ?? NO_RULE,
        group.exclude,
        { ...NO_RULE, servers: group.servers, groups: group.groups },
      ];
      return rules.some((rule) => ruleNames(rule, kind, name));
    }
    case "alert": {
      const { target, exclude } = readAlert(userName, value, []);
      return [target ?? NO_RULE, exclude].some((rule) => ruleNames(rule, kind, name));
    }
    case "alarm-route": {
      const route = readAlarmRoute(userName, value, []);
      if (kind === "secret") return secretsOf(route).includes(name);
      const scopes = [route.about, route.via].flatMap((scope) => (scope === null ? [] : [scope.rule, scope.exclude]));
      return scopes.some((rule) => ruleNames(rule, kind, name));
    }
    default:
      return false;
  }
}

function ruleNames(rule: Exclusion & Partial<Rule>, kind: Kind, name: string): boolean {
  switch (kind) {
    case "label":
      return rule.labels.includes(name) || (rule.allLabels ?? []).includes(name);
    case "group":
      return rule.groups.includes(name);
    case "server":
      return rule.servers.includes(name);
    default:
      return false;
  }
}

function usersAmongServers({ writes }: DeclarationPlan, state: DeclarationState, kind: Kind, name: string): string[] {
  const gone = new Set(writes.filter(({ value }) => value === undefined).map(({ path }) => path));
  if (kind !== "label" && kind !== "size") return [];
  const { servers = [], count = 0 } = state.users[kind === "label" ? "labels" : "sizes"][name] ?? {};
  const released = (server: string): boolean => {
    const id = state.servers[server]?.id ?? null;
    if (id === null) return gone.has(declaredServerPath(server));
    return gone.has(kind === "label" ? serverLabelPath(id, name) : serverAttributePath(id, "size"));
  };
  const left = servers.filter((server) => !released(server)).map((server) => `server ${server}`);
  const unnamed = count - servers.length;
  return unnamed > 0 ? [...left, `${unnamed} more servers`] : left;
}
