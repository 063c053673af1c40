import { fromHex, toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { GrantBody, KeyNote } from "../crdt/authority/bodies.ts";
import type { OperatorLog } from "../crdt/authority/resolve.ts";
import { grantBody } from "./authority.ts";
import type { KnownAuthority } from "./known-authority.ts";

/** Rights that can need several signatures. `ops` has no threshold: desired state is one writer's word. */
export type ThresholdRight = "admin" | "destroy";

export interface ThresholdPlan {
  /** Logs whose threshold is another one now. */
  readonly logs: readonly OperatorLog[];
  /** Hex of the keys that have to be cut for it: what a log may do is fixed for its life. */
  readonly keys: readonly string[];
  /** Every live log of these keys anew, in whose past the cuts have to be. */
  readonly grants: readonly GrantBody[];
}

/** What it takes that an act of this right needs so many keys. Throws `NotFound`, `Invalid`. */
export function planThreshold(
  known: KnownAuthority,
  wish: {
    readonly right: ThresholdRight;
    readonly count: number;
    readonly name: string | null;
    readonly nowMs: number;
  },
): ThresholdPlan {
  const { right, count, name, nowMs } = wish;
  const live = [...known.authority.operators.values()].filter(({ state, rank }) => state === "live" && rank > 0);
  const having = live.filter((log) => log.rights.has(right) && (name === null || log.name === name));
  if (having.length === 0) {
    const whose = name === null ? "nobody" : name;
    throw new LabError("NotFound", `${whose} has no live key with the right "${right}"`, { hint: "lab get operators" });
  }
  const logs = having.filter(({ need }) => need[right] !== count);
  for (const { rank, name: whose } of logs) requireEnough(live, { right, count, rank, whose });
  const keys = [...new Set(logs.map(({ key }) => key))];
  const again = live.filter(({ key }) => keys.includes(key));
  const grants = again.map((log) => {
    const need = logs.includes(log) ? { ...log.need, [right]: count } : log.need;
    const { key, name: whose, rank, rights } = log;
    const note = noteOf(known, log);
    return grantBody({ ...note, key: fromHex(key) as Uint8Array, name: whose, rank, rights: [...rights], need }, nowMs);
  });
  return { logs, keys, grants };
}

/** More signatures than there are keys to give them would end the right for good. */
function requireEnough(
  live: readonly OperatorLog[],
  wish: { readonly right: ThresholdRight; readonly count: number; readonly rank: number; readonly whose: string },
): void {
  const { right, count, rank, whose } = wish;
  const able = new Set(live.filter((log) => log.rank <= rank && log.rights.has(right)).map(({ key }) => key));
  if (able.size >= count) return;
  throw new LabError("Invalid", `${count} signatures, and only ${able.size} key could give one under ${whose}'s`, {
    field: "count",
    notes: [`signatures count from keys with "${right}" and rank ${rank} or smaller`],
    hint: `lab operator add NAME --rank ${rank}, then this again`,
  });
}

function noteOf({ graph }: KnownAuthority, { opening, key }: OperatorLog): KeyNote {
  const { body } = graph.at(opening);
  const isOurs = (one: { readonly key: Uint8Array }) => toHex(one.key) === key;
  const note: KeyNote | undefined =
    body.type === "grant" ? body : body.type === "genesis" ? body.founders.find(isOurs) : undefined;
  return {
    ...(note?.device === undefined ? {} : { device: note.device }),
    ...(note?.application === undefined ? {} : { application: note.application }),
  };
}
