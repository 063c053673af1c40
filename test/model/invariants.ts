import { LEDGER_INVARIANTS } from "./invariants-of-ledgers.ts";
import { NODE_INVARIANTS } from "./invariants-of-nodes.ts";
import { OPERATOR_INVARIANTS } from "./invariants-of-operators.ts";
import { PEER_INVARIANTS } from "./invariants-of-peers.ts";
import { STATE_INVARIANTS } from "./invariants-of-states.ts";
import type { Invariant } from "./observations.ts";

/** `trust.md` §11, and the claim of §1 that there is one answer; each as the model found that it has to read. */
export const INVARIANTS: readonly Invariant[] = [
  ...OPERATOR_INVARIANTS,
  ...NODE_INVARIANTS,
  ...LEDGER_INVARIANTS,
  ...PEER_INVARIANTS,
  ...STATE_INVARIANTS,
];
