import { createHash } from "node:crypto";
import { describeChange } from "../../../src/operator/change.ts";
import {
  lookAhead,
  type Outlook,
  signPlan,
  subjectsOf,
  type Wishes,
} from "../../../src/operator/declarations/apply.ts";
import type { Household } from "../operator/household.ts";
import type { ReplicaPeer } from "../operator/replica-peer.ts";
import { read } from "./problems-of.ts";

export const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

export interface Manner {
  readonly owner?: string;
  readonly prune?: boolean;
  readonly force?: boolean;
}

export function wishesOf(text: string, { owner = "files", prune = false, force = false }: Manner = {}): Wishes {
  return { declarations: read(text), modules: null, owner, prune, force };
}

/** What would change, in lines. */
export async function plan(peer: ReplicaPeer, text: string, manner?: Manner): Promise<string[]> {
  return linesOf(await lookAhead(peer, wishesOf(text, manner), hash));
}

/** Applies as alice at her laptop, and tells what changed. */
export async function apply(house: Household, text: string, manner?: Manner): Promise<string[]> {
  const wishes = wishesOf(text, manner);
  const outlook = await lookAhead(house.laptop, wishes, hash);
  return linesOf(await sign(house, wishes, outlook));
}

export async function sign(house: Household, wishes: Wishes, outlook: Outlook, fixed = false): Promise<Outlook> {
  if (outlook.plan.changes.length === 0) return outlook;
  const session = await house.session(subjectsOf(outlook.plan));
  try {
    const look = () => lookAhead(house.laptop, wishes, hash);
    return await signPlan(session, outlook, { look, nowMs: house.nowMs, fixed });
  } finally {
    session.close();
  }
}

export function linesOf({ plan: { changes } }: Outlook): string[] {
  return changes.map(describeChange);
}
