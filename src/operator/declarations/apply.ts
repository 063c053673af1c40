import { LabError } from "../../core/errors.ts";
import { fromHex } from "../../core/bytes.ts";
import { roleBody, roleLogEnds, unroleBody } from "../authority.ts";
import type { Courier, OperatorContext } from "../requests.ts";
import type { Order, Session, Subjects } from "../session.ts";
import { baseText } from "./base.ts";
import { planDeclarations } from "./plan.ts";
import { type DeclarationPlan, emptyPlan } from "./plan-record.ts";
import { planScan, type ScannedModules } from "./plan-scan.ts";
import type { Declarations } from "./read.ts";
import { requireResolved } from "./references.ts";
import { askState, type DeclarationState, knownIn, questionOf } from "./state.ts";
import { namesToAskFor, requireUnused, usesOf } from "./uses.ts";

/** What files ask for, and how far it may go. */
export interface Wishes {
  /** Null where no files were given, only modules: then nothing is gone from the files either. */
  readonly declarations: Declarations | null;
  /** What a scan of Puppet modules found; null where none was asked for. */
  readonly modules: ScannedModules | null;
  /** The mark of these files; null for what is written by hand. */
  readonly owner: string | null;
  readonly prune: boolean;
  /** Whether what is in use may go. */
  readonly force: boolean;
}

/** A plan and what it was made of. */
export interface Outlook {
  readonly plan: DeclarationPlan;
  readonly state: DeclarationState;
  /** Of {@link baseText}. */
  readonly base: string;
}

/** Plans on what the peer knows now. Throws `InUse`. */
export async function lookAhead(courier: Courier, wishes: Wishes, hash: (text: string) => string): Promise<Outlook> {
  const { modules, owner, prune, force } = wishes;
  const declarations: Declarations = wishes.declarations ?? new Map();
  const question = questionOf(declarations, wishes.declarations === null ? null : owner);
  let state = await askState(courier, question);
  requireResolved(declarations, knownIn(state));
  const plan = wishes.declarations === null ? emptyPlan() : planDeclarations(declarations, state, { owner, prune });
  if (modules !== null) planScan(plan, modules, state, owner);
  if (plan.removed.length > 0 && !force) {
    const usersOf = namesToAskFor(plan);
    if (usersOf.labels.length + usersOf.sizes.length > 0) {
      const { users } = await askState(courier, { ...question, usersOf });
      state = { ...state, users };
    }
    requireUnused(usesOf(plan, state));
  }
  return { plan, state, base: hash(baseText({ declarations, modules }, state, plan)) };
}

/** What the session has to know to sign a plan: also the names of the machines, for what it says that it signs. */
export function subjectsOf({ changes, writes, notes }: DeclarationPlan): Subjects {
  const servers = changes.filter(({ kind, why }) => kind === "server" && why !== "pending").map(({ name }) => name);
  return { servers: [...new Set(servers)], paths: [...writes, ...notes].map(({ path }) => path) };
}

/** Between planning and signing another operator may write; after so many times it is told instead of tried again. */
const TRIES = 3;

/**
 * Signs a plan as one batch, planned anew with `look` if what it was made of has changed meanwhile; `fixed` forbids
 * that. Returns what was signed. Throws `StalePlan`, and whatever signing throws.
 */
export async function signPlan(
  session: Session,
  outlook: Outlook,
  { look, nowMs, fixed }: { readonly look: () => Promise<Outlook>; readonly nowMs: number; readonly fixed: boolean },
): Promise<Outlook> {
  let current = outlook;
  for (let attempt = 1; ; attempt++) {
    const again = await look();
    if (again.base === current.base) break;
    if (fixed || attempt === TRIES) throw stalePlan(again);
    current = again;
    await session.refresh(subjectsOf(current.plan));
  }
  await session.sign(orderOf(current.plan, session.context, nowMs));
  return current;
}

export function stalePlan({ state }: Outlook): LabError {
  return new LabError("StalePlan", "the plan is stale: what it was made of has changed since", {
    peer: state.meta.peer,
    asOf: state.meta.asOf,
    notes: ["nothing was applied"],
    hint: "lab plan -f … --out FILE, and look at it again",
  });
}

/** Acts of authority first, then everything else as one batch (`docs/decisions/0007-what-one-apply-is.md`). */
function orderOf(
  { changes, writes, notes, grants, revokes }: DeclarationPlan,
  context: OperatorContext,
  nowMs: number,
): Order {
  if (changes.length === 0) return {};
  return {
    acts: [
      ...revokes.map(({ server, id, label }) => {
        const ends = roleLogEnds(context.servers[server]?.roles[label]);
        return unroleBody(bytes(id), label, ends, nowMs, "gone from the files");
      }),
      ...grants.map(({ id, label }) => roleBody(bytes(id), label, nowMs)),
    ],
    writes: [...writes, ...notes],
  };
}

function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`the agent's answer has no hash: ${hex}`);
  return found;
}
