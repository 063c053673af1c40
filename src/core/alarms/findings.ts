import { isoTime } from "../iso-time.ts";
import type { Verdict } from "../ports/verdict.ts";
import { type AlarmKind, KIND_TRAITS } from "./kinds.ts";

/** Something that is not as it should be now, whether or not anybody has to be told of it. */
export interface Finding {
  readonly kind: AlarmKind;
  /** What it concerns: the name of a server, a role, a writer, a token, or the mesh. */
  readonly about: string;
  /** The server that it concerns; null if it concerns none. */
  readonly server: string | null;
  /** What is wrong, and what to do; a sentence without a full stop. */
  readonly detail: string;
  /** How long it has to hold before it is an alarm. */
  readonly afterMs: number;
}

export interface MemberFacts {
  readonly name: string;
  readonly verdict: Verdict;
  /** How long its absence is nobody's business; null if it may be away for ever, as laptops are. */
  readonly alarmAfterMs: number | null;
  /** What it says is wrong with itself. */
  readonly complaints: readonly Complaint[];
}

export const COMPLAINT_KINDS = [
  "role-failing",
  "clock-off",
  "backlog",
  "store-damaged",
  "store-unwritable",
  "backup-failing",
  "disk-full",
] as const satisfies readonly AlarmKind[];

/** What only the machine itself can know; told by its own record, so that others raise it too. */
export interface Complaint {
  readonly kind: (typeof COMPLAINT_KINDS)[number];
  /** Tells several of one kind apart: the role, the writer; else empty. */
  readonly subject: string;
  readonly detail: string;
}

/** All that alarms and the warnings of `lab status` are made of. */
export interface MeshFacts {
  readonly meshName: string;
  /** The observer, and the other members about whom there may be anything to say. */
  readonly members: readonly MemberFacts[];
  /** How many members the observer sees when it takes itself for the isolated one; null when it does not. */
  readonly isolated: { readonly seen: number; readonly of: number } | null;
  readonly missingRoles: readonly { readonly role: string; readonly effect: string }[];
  readonly contestedNames: readonly string[];
  readonly forks: readonly { readonly log: string; readonly writer: string; readonly of: string }[];
  readonly contestedTokens: readonly { readonly id: string; readonly names: readonly string[] }[];
  /** Values that somebody had to replace by now, because others have them who must not. */
  readonly overdueSecrets: readonly {
    readonly path: string;
    readonly sinceMs: number;
    readonly holders: readonly string[];
  }[];
}

/**
 * What is wrong, by kind and subject; the order of the facts has no part in it. Whoever is isolated knows nothing of the
 * others that they would not say of it, and finds nothing but that.
 */
export function findingsOf(facts: MeshFacts): readonly Finding[] {
  if (facts.isolated !== null) {
    const { seen, of } = facts.isolated;
    const detail = `this side sees ${seen} of ${of} members and keeps quiet about the others: check its network`;
    return [finding("isolated", facts.meshName, null, detail)];
  }
  const found = [
    ...facts.members.flatMap(memberFindings),
    ...facts.missingRoles.map(({ role, effect }) =>
      finding("role-missing", role, null, `no machine that can be reached runs ${role}: ${effect}`),
    ),
    ...facts.contestedNames.map((name) =>
      finding("name-contested", name, name, `the name "${name}" is contested: rename or revoke one of its machines`),
    ),
    ...facts.forks.map(({ log, writer, of }) => {
      const whose = writer === "" ? "" : ` of ${writer}`;
      const detail = `the ${of} log ${log.slice(0, 12)}${whose} has two histories and is frozen where they part`;
      return finding("log-forked", log.slice(0, 12), null, detail);
    }),
    ...facts.contestedTokens.map(({ id, names }) => {
      const detail = `two machines redeemed token ${id} and are suspended (${names.join(", ")}): revoke the wrong one`;
      return finding("token-contested", id, null, detail);
    }),
    ...facts.overdueSecrets.map(({ path, sinceMs, holders }) => {
      const since = isoTime(sinceMs).slice(0, 10);
      const detail = `${path} is what ${holders.join(", ")} had when it left on ${since}: lab secret set ${path}`;
      return finding("secret-exposed", path, null, detail);
    }),
  ];
  const byKey = new Map(found.sort(compareFindings).map((one) => [findingKey(one), one]));
  return [...byKey.values()];
}

function memberFindings(member: MemberFacts): Finding[] {
  const { name, verdict, complaints } = member;
  const found = complaints.map(({ kind, subject, detail }) =>
    finding(kind, subject === "" ? name : `${name}/${subject}`, name, `${name}: ${detail}`),
  );
  const alarmAfterMs = isAway(verdict) ? member.alarmAfterMs : null;
  if (alarmAfterMs !== null) {
    found.push({ ...finding("unreachable", name, name, `${name} cannot be reached`), afterMs: alarmAfterMs });
  }
  return found;
}

/** Whoever said goodbye is not there and not lost. Whoever was never heard of is as lost as one that was. */
export function isAway(verdict: Verdict): boolean {
  switch (verdict) {
    case "unreachable":
    case "alarm":
    case "unknown":
      return true;
    case "alive":
    case "suspect":
    case "left":
      return false;
  }
}

function finding(kind: AlarmKind, about: string, server: string | null, detail: string): Finding {
  return { kind, about, server, detail, afterMs: KIND_TRAITS[kind].afterMs };
}

/** Two findings with one key are about the same thing. */
export function findingKey({ kind, about }: Pick<Finding, "kind" | "about">): string {
  return `${kind} ${about}`;
}

function compareFindings(a: Finding, b: Finding): number {
  const [left, right] = [`${findingKey(a)} ${a.detail}`, `${findingKey(b)} ${b.detail}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
