import { noteLoss } from "../../src/node/loss.ts";
import { Agent } from "../../src/node/agent.ts";
import { OperationCalls } from "../../src/node/operation-calls.ts";
import { roles } from "../../src/roles/catalogue.ts";

/** What a machine runs. */
export interface Release {
  readonly name: string;
  /** Whether it makes of an entry what these sources make of it. */
  readonly sources: "these" | "others";
  readonly Agent: typeof Agent;
  readonly OperationCalls: typeof OperationCalls;
  readonly noteLoss: typeof noteLoss;
  readonly roles: typeof roles;
}

/** Of these sources. */
export const THIS_RELEASE: Release = { name: "this", sources: "these", Agent, OperationCalls, noteLoss, roles };
