import type { Fleet } from "../../src/core/model/fleet.ts";
import type { Exclusion, Rule } from "../../src/core/model/rule.ts";
import type { ServerRecord } from "../../src/core/model/server.ts";
import { CATALOGUE } from "../../src/core/alerts/catalogue.ts";

/**
 * What declarations mean, one server at a time and word for word, with no index, no order and no memory. It shares
 * types and the catalogue with the program, and no step of any computation.
 */

/** The labels of a server. Every member has `*`, one that is only declared has not. */
export function labels(server: ServerRecord): Set<string> {
  return new Set(server.standing === "pending" ? server.labels : [...server.labels, "*"]);
}

/** Whom a name means: its owner, or who is declared to get it; or whoever has it as id. */
export function isCalled(fleet: Fleet, server: ServerRecord, name: string): boolean {
  const strength = (one: ServerRecord): number => {
    if (one.name !== name || one.standing === "contested") return -1;
    return { suspended: 0, pending: 1, enrolled: 2 }[one.standing];
  };
  const owners = fleet.servers.filter((one) => strength(one) >= 0);
  if (owners.length === 0) return server.id === name;
  const best = Math.max(...owners.map(strength));
  return owners.filter((one) => strength(one) === best).at(-1) === server;
}

/** All groups that a group leads to, over any number of steps. */
function reachable(fleet: Fleet, from: string): Set<string> {
  const found = new Set<string>();
  for (let grown = true; grown; ) {
    const before = found.size;
    for (const name of [from, ...found]) {
      const group = fleet.groups.get(name);
      if (group === undefined) continue;
      for (const next of [...group.groups, ...(group.match?.groups ?? []), ...group.exclude.groups]) {
        if (fleet.groups.has(next)) found.add(next);
      }
    }
    grown = found.size > before;
  }
  return found;
}

/** Two groups that lead to each other, or one that leads to itself, stand in a circle: the step brings nothing. */
function isCircle(fleet: Fleet, from: string, to: string): boolean {
  return reachable(fleet, from).has(to) && reachable(fleet, to).has(from);
}

/** `asking` is the group whose declaration names the other one; null when an alert does. */
export function isMember(fleet: Fleet, server: ServerRecord, name: string, asking: string | null = null): boolean {
  const group = fleet.groups.get(name);
  if (group === undefined) return false;
  if (asking !== null && isCircle(fleet, asking, name)) return false;
  return isReached(fleet, server, name) && !isExcluded(fleet, server, group.exclude, name);
}

/** In the group, its exclusions aside. */
export function isReached(fleet: Fleet, server: ServerRecord, name: string): boolean {
  const group = fleet.groups.get(name);
  if (group === undefined) return false;
  if (group.match !== null && saysSomething(group.match) && isMatched(fleet, server, group.match, name)) return true;
  if (group.servers.some((one) => isCalled(fleet, server, one))) return true;
  return group.groups.some((one) => isMember(fleet, server, one, name));
}

export function saysSomething(rule: Rule): boolean {
  return Object.values(rule).some((values) => values.length > 0);
}

/** Within one key, any of the values; between keys, all of them. */
export function isMatched(fleet: Fleet, server: ServerRecord, rule: Rule, asking: string | null): boolean {
  const own = labels(server);
  if (rule.labels.length > 0 && !rule.labels.some((label) => own.has(label))) return false;
  if (!rule.allLabels.every((label) => own.has(label))) return false;
  if (rule.servers.length > 0 && !rule.servers.some((name) => isCalled(fleet, server, name))) return false;
  if (rule.groups.length > 0 && !rule.groups.some((name) => isMember(fleet, server, name, asking))) return false;
  for (const key of ["environment", "region", "provider"] as const) {
    const value = server[key];
    if (rule[key].length > 0 && (value === null || !rule[key].includes(value))) return false;
  }
  return true;
}

/** Whatever any key matches. */
export function isExcluded(fleet: Fleet, server: ServerRecord, exclusion: Exclusion, asking: string | null): boolean {
  const own = labels(server);
  if (exclusion.labels.some((label) => own.has(label))) return true;
  if (exclusion.servers.some((name) => isCalled(fleet, server, name))) return true;
  if (exclusion.groups.some((name) => isMember(fleet, server, name, asking))) return true;
  return (["environment", "region", "provider"] as const).some((key) => {
    const value = server[key];
    return value !== null && exclusion[key].includes(value);
  });
}

/** Null if its labels disagree, undefined if nobody says. */
export function size(fleet: Fleet, server: ServerRecord): string | null | undefined {
  if (server.size !== null) return server.size;
  const sizes = new Set([...labels(server)].flatMap((label) => fleet.labels.get(label)?.size ?? []));
  return sizes.size > 1 ? null : [...sizes][0];
}

/** Names of the classes of a server. */
export function classes(fleet: Fleet, server: ServerRecord): Set<string> {
  const lists = [
    ...[...labels(server)].map((label) => fleet.labels.get(label)?.puppetClasses ?? []),
    ...[...fleet.groups.values()]
      .filter(({ name }) => isMember(fleet, server, name))
      .map((group) => group.puppetClasses),
    server.puppetClasses,
  ];
  return new Set(lists.flatMap((list) => list.map(({ name }) => name)));
}

/** What a class is given on a server: precedence server > group > label; nothing where one level says two things. */
export function parameters(fleet: Fleet, server: ServerRecord, puppetClass: string): Record<string, unknown> {
  const levels = [
    [server.puppetClasses],
    [...fleet.groups.values()].filter(({ name }) => isMember(fleet, server, name)).map((group) => group.puppetClasses),
    [...labels(server)].map((label) => fleet.labels.get(label)?.puppetClasses ?? []),
  ].map((lists) => lists.flatMap((list) => list.filter(({ name }) => name === puppetClass)));
  const names = new Set(levels.flat().flatMap((one) => Object.keys(one.parameters)));
  const result: Record<string, unknown> = {};
  for (const name of names) {
    for (const level of levels) {
      const said = new Set(
        level.filter((one) => name in one.parameters).map((one) => JSON.stringify(one.parameters[name])),
      );
      if (said.size === 0) continue;
      if (said.size === 1) result[name] = JSON.parse([...said][0] as string);
      break;
    }
  }
  return result;
}

/** The paths that a server may read: those of its labels, and those in the code of the classes of its labels. */
export function secrets(fleet: Fleet, server: ServerRecord): Set<string> {
  if (server.standing === "contested" || server.standing === "suspended") return new Set();
  const paths = new Set<string>();
  for (const label of labels(server)) {
    const declared = fleet.labels.get(label);
    for (const path of declared?.secrets ?? []) paths.add(path);
    for (const { name } of declared?.puppetClasses ?? []) {
      for (const { path } of fleet.scans.get(name)?.references ?? []) paths.add(path);
    }
  }
  return paths;
}

/** Whether an alert is about a server. */
export function isAlerted(fleet: Fleet, server: ServerRecord, name: string): boolean {
  const lists = [...labels(server)].some((label) => fleet.labels.get(label)?.alerts.includes(name));
  const declared = fleet.alerts.get(name);
  if (declared !== undefined) {
    if (isExcluded(fleet, server, declared.exclude, null)) return false;
    return lists || declared.target === null || isMatched(fleet, server, declared.target, null);
  }
  const entry = CATALOGUE[name];
  if (entry === undefined) return false;
  const member = server.standing !== "pending";
  return (
    lists ||
    entry.triggers.some((trigger) => {
      switch (trigger.kind) {
        case "class":
          return classes(fleet, server).has(trigger.name);
        case "port":
          return [...labels(server)].some((label) => fleet.labels.get(label)?.ports.includes(trigger.port));
        case "size":
          return typeof size(fleet, server) === "string";
        case "identity":
        case "enrollment":
          return member;
      }
    })
  );
}
