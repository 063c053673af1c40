import { fromHex, toBase64Url, toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { VoidAct } from "../core/voids.ts";
import {
  type AuthorityBody,
  type CutBody,
  decodeBody,
  encodeBody,
  type KnownBody,
  type UnroleBody,
} from "../crdt/authority/bodies.ts";
import type { Authority } from "../crdt/authority/resolve.ts";
import { DesiredState } from "../crdt/desired.ts";
import { keepsOf } from "../crdt/keeps.ts";
import { isLostFrom, type LostFrom } from "../crdt/lost.ts";
import { type Consequences, whatIf } from "../crdt/what-if.ts";
import { describeBody } from "./describe.ts";
import type { KnownAuthority } from "./known-authority.ts";
import { askRemovalEnds, askRemovalPreview, type Courier, type RemovalPreview } from "./requests.ts";

export type { LostFrom } from "../crdt/lost.ts";

/** What shall be cut: keys, with everything of them that is known kept, or less. */
export interface RemovalWish {
  /** Hex. */
  readonly keys: readonly string[];
  readonly from: LostFrom | null;
  readonly reason: string;
  readonly nowMs: number;
}

/** What is going to be signed, and what would follow from it. */
export interface Removal {
  readonly cuts: readonly CutBody[];
  /** Revocations that the cuts undo, in their order, to be signed again before them. */
  readonly again: readonly (CutBody | UnroleBody)[];
  /** Acts of authority that would count no more, a line each. */
  readonly lines: readonly string[];
  /** Writes of the desired state that would count no more, by the word of the peer that was asked. */
  readonly writes: RemovalPreview;
  /** Names of machines that would leave besides those that are cut. */
  readonly leaving: readonly string[];
}

/**
 * Plans cuts. Frontiers of authority are drawn through what was checked here; a peer is asked only for the ends of the
 * desired ledgers, and could hold entries back there as it could anywhere.
 */
export async function planRemoval(
  tools: { readonly keys: Keys; readonly courier: Courier; readonly known: KnownAuthority },
  log: string,
  wish: RemovalWish,
): Promise<Removal> {
  const { keys, courier, known } = tools;
  const from = wish.from === null ? {} : { from: writeFrom(wish.from) };
  const { ends } = await askRemovalEnds(courier, { keys: [...wish.keys], ...from });
  const ledgerEnds = new Map(ends.map((end) => [end.log, end]));
  const isLost = isLostFrom(known.graph, wish.from);
  const cuts = wish.keys.map((key): CutBody => {
    const keeps = keepsOf({ graph: known.graph, ledgers: new Map() }, key, isLost).map((keep) => {
      const end = ledgerEnds.get(toHex(keep.log));
      const hash = end === undefined ? null : fromHex(end.hash);
      return hash?.length === 32 && end !== undefined ? { ...keep, l: { seq: end.seq, hash } } : keep;
    });
    return { type: "cut", key: fromHex(key) as Uint8Array, keeps, reason: wish.reason, at: wish.nowMs };
  });
  const alone = consequencesOf(known, keys, log, cuts);
  const again = alone.revocations.flatMap((act) => sayAgain(known.authority, act, wish.nowMs));
  const acts = [...again, ...cuts];
  const then = again.length === 0 ? alone : consequencesOf(known, keys, log, acts);
  const writes = await askRemovalPreview(courier, {
    log,
    acts: acts.map((body) => ({ type: body.type, body: toBase64Url(encodeBody(body)) })),
  });
  const cutKeys = new Set(wish.keys);
  const nameOf = (id: string) => known.authority.nodes.get(id)?.name ?? id.slice(0, 12);
  const leaving = alone.before.members.filter((id) => {
    const node = known.authority.nodes.get(id);
    return !then.after.members.includes(id) && node !== undefined && !cutKeys.has(node.key);
  });
  return {
    cuts,
    again,
    lines: alone.voids.flatMap((act) => describeVoid(act, nameOf)),
    writes,
    leaving: leaving.map(nameOf),
  };
}

function consequencesOf(
  known: KnownAuthority,
  keys: Keys,
  log: string,
  bodies: readonly (CutBody | UnroleBody)[],
): Consequences {
  const { graph, authority } = known;
  const nothing = { chains: new Map(), chain: () => undefined };
  return whatIf(
    { graph, authority, ...nothing, fold: { ledgers: new Map(), desired: new DesiredState() } },
    keys,
    log,
    ...bodies,
  );
}

/**
 * The body of a revocation in the mouth of whoever removes its writer. Nothing where what it removed has come back
 * since by right: to say it again would take that away.
 */
function sayAgain(authority: Authority, { said }: VoidAct, nowMs: number): (CutBody | UnroleBody)[] {
  if (said.kind !== "authority") return [];
  const body = decodeBody(said.type, said.body);
  if (body.type === "cut") {
    const key = toHex(body.key);
    const isBack = [...authority.operators.values(), ...authority.nodes.values()].some(
      (holder) => holder.key === key && holder.state !== "cut",
    );
    return isBack ? [] : [{ ...body, at: nowMs }];
  }
  if (body.type !== "unrole") return [];
  const isBack = authority.nodes.get(toHex(body.node))?.roles.has(body.label) === true;
  return isBack ? [] : [{ ...body, at: nowMs }];
}

function describeVoid(act: VoidAct, nameOf: (id: string) => string): string[] {
  if (act.said.kind !== "authority") return [];
  const body = decodeBody(act.said.type, act.said.body);
  return body.type === "unknown" ? [] : [`${act.writer}: ${describeBody(body, nameOf)}`];
}

function writeFrom(from: LostFrom): { time: string } | { entry: string } {
  return "entry" in from ? { entry: from.entry } : { time: new Date(from.atMs).toISOString() };
}

/** One live log of an operator's key, as it is told to people. */
export interface OperatorTarget {
  readonly log: string;
  readonly key: string;
  readonly name: string;
  readonly rank: number;
  readonly device: string | null;
}

/** Live keys of an operator, or the one of them that `which` names: a device, or the beginning of its key or log. */
export function operatorTargets(
  known: Pick<KnownAuthority, "authority" | "graph">,
  name: string,
  which: string | null,
): readonly OperatorTarget[] {
  const live = [...known.authority.operators.values()].filter(({ state, rank }) => state === "live" && rank > 0);
  const all = live.map(({ log, key, name: whose, rank, opening }): OperatorTarget => {
    return { log, key, name: whose, rank, device: deviceOf(known.graph.at(opening).body, key) };
  });
  const named = all.filter((target) => target.name === name);
  if (named.length === 0) {
    const names = [...new Set(all.map((target) => target.name))].sort();
    throw new LabError("NotFound", `no live key is ${name}'s`, {
      notes: [`operators: ${names.join(", ")}`],
      hint: "lab get operators",
    });
  }
  if (which === null) return named;
  const hex = /^[0-9a-f]{8,64}$/.test(which) ? which : null;
  const fitting = named.filter(
    ({ device, key, log }) => device === which || (hex !== null && (key.startsWith(hex) || log.startsWith(hex))),
  );
  if (fitting.length > 0) return fitting;
  throw new LabError("NotFound", `${name} has no key "${which}"`, {
    field: "key",
    notes: named.map(
      ({ log, rank, device }) => `${log.slice(0, 12)} rank ${rank}${device === null ? "" : ` ${device}`}`,
    ),
    hint: "--key names a device, or the beginning of what lab get operators shows",
  });
}

function deviceOf(body: AuthorityBody, key: string): string | null {
  if (body.type === "grant") return body.device ?? null;
  const founders = body.type === "genesis" ? body.founders : [];
  return founders.find((founder) => toHex(founder.key) === key)?.device ?? null;
}

/** Only a smaller rank removes: says what to do instead. Throws `NotAuthorised`. */
export function requireSenior(own: number, targets: readonly OperatorTarget[], what: string, hint: string): void {
  const first = targets.find(({ rank }) => rank <= own);
  if (first === undefined) return;
  const [mine, its] = [`your key has rank ${own}`, `${first.name}'s ${first.log.slice(0, 12)} has rank ${first.rank}`];
  throw new LabError("NotAuthorised", `your key cannot ${what}: only a smaller rank can`, {
    notes: [`${mine}, ${its}`, "the root of the mesh (rank 0) can: its recovery code, at any member"],
    hint,
  });
}

/** Whether somebody with `admin` is left. Throws `Invalid` with what to do instead. */
export function requireSomebodyLeft(authority: Authority, gone: ReadonlySet<string>): void {
  const left = [...authority.operators.values()].some(
    ({ state, rank, rights, key }) => state === "live" && rank > 0 && rights.has("admin") && !gone.has(key),
  );
  if (left) return;
  throw new LabError("Invalid", "this is the last operator who may administer: nobody could let anybody in any more", {
    hint: "lab operator add NAME first, or lab operator recover for a key that is lost",
  });
}

/** Hex of the one authority entry whose hash begins so; null for none, and for several. */
export function findEntry(known: KnownAuthority, text: string): string | null {
  const fitting = known.graph.entries.filter(({ entry }) => entry.id.startsWith(text));
  return fitting.length === 1 ? (fitting[0]?.entry.id ?? null) : null;
}

/** Bodies in words, as they will be signed. */
export function describeActs(known: KnownAuthority, bodies: readonly KnownBody[]): string[] {
  return bodies.map((body) => describeBody(body, (id) => known.authority.nodes.get(id)?.name ?? id.slice(0, 12)));
}
