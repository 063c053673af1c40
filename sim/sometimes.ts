import { COUNTED, STATES } from "./acts.ts";
import { ATTACKS } from "./byzantine/catalogue.ts";
import { LAST_CRASH } from "./faults.ts";
import { FAULTS } from "./faults/catalogue.ts";

/*
 * What many worlds together have to meet: a check that never saw what it is for has said nothing.
 */

/** Things that agents, operators and the hostile come across. */
const MET = [
  "a batch is handed over in part",
  "a flood of orphans",
  "a link of a class that nobody knows",
  "a machine holds a secret",
  "a machine is down for long",
  "a machine is unreachable",
  "a machine keeps all the orphans that it may",
  "a machine that said two things has no report",
  "a machine takes itself for the isolated one",
  "a question of a later release is answered as unknown",
  "a role is given",
  "a secret is read at the end",
  "a secret reaches no store",
  "a store gives altered envelopes",
  "a store serves a value of its own",
  "a store serves an altered value",
  "a store serves an old value as the current one",
  "a store serves an old value under its own version",
  "a view has proof of a fork",
  "a view has something void",
  "a view is held against the reference",
  "a view knows of an operator who was cut",
  "an act of a type that nobody knows",
  "an act with a member that nobody knows",
  "an agent never answers its operator",
  "an agent's disk is full when its operator comes",
  "an operator does not sign at this agent",
  "an operator has to wait",
  "two hands disagree at the end",
] as const;

/** Met by those worlds of which `many.ts` asks it, and in which each machine holds what it holds for itself. */
export const MEMORY = "memory was looked at";

/** What `hostile.ts` does besides the catalogue of attacks. */
const HOSTILE = [
  "a member asks for secrets",
  "a stranger asks for secrets",
  "a stranger knocks",
  "false envelopes",
  "forged entries",
  "gives forged entries",
  "hostile updates",
  "lies about who is there",
  "lies in exchanges",
  "refuses",
  "talks nonsense",
  "withholds",
] as const;

const KINDS = [...FAULTS, ...ATTACKS].map(({ kind }) => kind);

/** Asked of the twenty worlds of the check. */
export const OF_THE_CHECK: readonly string[] = [
  ...MET,
  ...HOSTILE,
  MEMORY,
  ...KINDS,
  "lost",
  "duplicated",
  "crash at its word",
  LAST_CRASH,
  ...COUNTED.flatMap((family) => STATES.map((state) => `${family} × ${state}`)),
  ...COUNTED.flatMap((one, i) => COUNTED.slice(i).map((other) => [one, other].sort().join(" + "))),
];

const COUNTED_KINDS = FAULTS.filter(({ family }) => COUNTED.includes(family)).map(({ kind }) => kind);

/** Asked of the worlds of a night besides: every kind of fault in the middle of every state. */
export const OF_A_NIGHT: readonly string[] = [
  ...OF_THE_CHECK,
  ...COUNTED_KINDS.flatMap((kind) => STATES.map((state) => `${kind} × ${state}`)),
  ...ATTACKS.map(({ kind }) => `${kind} × an operator is at work`),
];
