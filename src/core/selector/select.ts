import { LabError, NotFoundError } from "../errors.ts";
import { isRoleLabel, ROLE_LABELS } from "../names.ts";
import { nearest } from "../nearest.ts";
import { parseSelector, printTerm, type SelectorKey, type Term } from "./term.ts";

/** What a selector can ask of a server. */
export interface ServerLike {
  readonly name: string;
  readonly id?: string | null;
  /** Role labels among them. */
  readonly labels: readonly string[];
  readonly groups: readonly string[];
  readonly environment?: string | null;
  readonly region?: string | null;
  readonly provider?: string | null;
  readonly size?: string | null;
  readonly online: string;
  readonly sync: PillarLike;
  readonly puppet: PillarLike;
  readonly health: PillarLike;
  readonly identity: PillarLike;
}

interface PillarLike {
  readonly state: string;
  readonly detail: string;
}

/** Under each key the values that the server has. */
export type SelectorRecord = Readonly<Record<SelectorKey, readonly string[]>>;

export function selectorRecord(server: ServerLike): SelectorRecord {
  return {
    label: server.labels,
    group: server.groups,
    server: server.id ? [server.name, server.id] : [server.name],
    environment: present(server.environment),
    region: present(server.region),
    provider: present(server.provider),
    size: present(server.size),
    // The roles that it was given. What runs there now is an observation, and differs from peer to peer.
    role: server.labels.filter(isRoleLabel),
    online: [server.online],
    sync: wordsOf(server.sync),
    puppet: wordsOf(server.puppet),
    health: wordsOf(server.health),
    identity: wordsOf(server.identity),
  };
}

export function matches(terms: readonly Term[], record: SelectorRecord): boolean {
  return terms.every((term) => record[term.key].some((value) => term.values.includes(value)) !== term.negated);
}

/** What of a server fulfils the terms; what it has not fulfils a negated term, and has no name. */
export function matchedBy(terms: readonly Term[], server: ServerLike): { kind: SelectorKey; name: string }[] {
  const record = selectorRecord(server);
  return terms
    .filter(({ negated }) => !negated)
    .flatMap(({ key, values }) =>
      values.filter((value) => record[key].includes(value)).map((name) => ({ kind: key, name })),
    );
}

export interface Choice {
  /** Selector strings; all must hold. */
  readonly selectors?: readonly string[];
  /** Names of servers; none means every server. */
  readonly names?: readonly string[];
  /** No match is an empty answer instead of an error. An unknown name stays an error. */
  readonly allowEmpty?: boolean;
  /** Values that exist although no server has them now, for example declared labels. */
  readonly known?: Partial<Readonly<Record<SelectorKey, readonly string[]>>>;
}

const PILLAR_STATES = ["ok", "drift", "failed", "warning", "pending", "unknown"];

const CLOSED: Partial<Readonly<Record<SelectorKey, readonly string[]>>> = {
  online: ["yes", "no", "unknown"],
  sync: PILLAR_STATES,
  puppet: PILLAR_STATES,
  health: PILLAR_STATES,
  identity: [...PILLAR_STATES, "enrolled", "revoked", "contested", "suspended", "undeclared"],
  role: ROLE_LABELS,
};

const LISTED_BY: Partial<Readonly<Record<SelectorKey, string>>> = { label: "lab get labels", group: "lab get groups" };

/**
 * The servers that the choice means, in the given order. It looks at replicated state only: who is reachable now
 * changes nothing. Throws `NotFound` for an unknown name of a server, `NothingMatched` for an unknown value in a
 * selector and for an empty result, `Usage` for a selector that cannot be read.
 */
export function selectServers<T extends ServerLike>(servers: readonly T[], choice: Choice): T[] {
  const { selectors = [], names = [] } = choice;
  const terms = selectors.flatMap((selector) => parseSelector(selector));
  const candidates = servers.map((server) => ({ server, record: selectorRecord(server) }));
  for (const name of names) requireName(name, servers);
  for (const term of terms) requireKnown(term, candidates, choice.known);
  const chosen = candidates.filter(({ server, record }) => isNamed(server, names) && matches(terms, record));
  if (chosen.length === 0 && !choice.allowEmpty && (terms.length > 0 || names.length > 0)) {
    throw nothingMatched(terms, names, candidates);
  }
  return chosen.map(({ server }) => server);
}

interface Candidate {
  readonly server: ServerLike;
  readonly record: SelectorRecord;
}

function isNamed(server: ServerLike, names: readonly string[]): boolean {
  return names.length === 0 || names.includes(server.name) || (!!server.id && names.includes(server.id));
}

function requireName(name: string, servers: readonly ServerLike[]): void {
  if (servers.some((server) => isNamed(server, [name]))) return;
  throw new NotFoundError(
    "server",
    name,
    nearest(
      name,
      servers.map((server) => server.name),
    ),
  );
}

function requireKnown(term: Term, candidates: readonly Candidate[], known: Choice["known"]): void {
  const values = new Set([...(CLOSED[term.key] ?? []), ...(known?.[term.key] ?? [])]);
  for (const { record } of candidates) for (const value of record[term.key]) values.add(value);
  for (const value of term.values) {
    if (values.has(value)) continue;
    const near = nearest(value, values);
    const shown = near.length > 0 ? near : [...values].sort().slice(0, 8);
    const note = `${near.length > 0 ? "nearest" : "known"}: ${shown.join(", ")}`;
    throw new LabError("NothingMatched", `${term.key} "${value}" does not exist`, {
      field: "selector",
      notes: shown.length > 0 ? [note] : [],
      hint: LISTED_BY[term.key] ?? "lab get servers -o wide",
    });
  }
}

function nothingMatched(terms: readonly Term[], names: readonly string[], candidates: readonly Candidate[]): LabError {
  const named = candidates.filter(({ server }) => isNamed(server, names));
  const notes = terms.map((term) => {
    const count = named.filter(({ record }) => matches([term], record)).length;
    return `${printTerm(term)}: ${count === 0 ? "none" : count} of ${named.length}`;
  });
  return new LabError("NothingMatched", `no server matches ${terms.map(printTerm).join(",")}`, {
    field: "selector",
    notes,
    hint: "drop a term, or say --allow-empty when none is a good answer",
  });
}

/** `identity=enrolled` reads what the table shows; `identity=ok` reads the state behind it. */
function wordsOf({ state, detail }: PillarLike): readonly string[] {
  return detail === "" ? [state] : [state, detail];
}

function present(value: string | null | undefined): readonly string[] {
  return value ? [value] : [];
}
