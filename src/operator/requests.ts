import { LabError } from "../core/errors.ts";
import type { entrySubmitOperation } from "../operations/entry.ts";
import type { InputOf, OutputOf } from "../operations/operation.ts";
import type { operatorContextOperation } from "../operations/operator.ts";
import type { meshPullOperation } from "../operations/pull.ts";
import type { removalEndsOperation, removalPreviewOperation } from "../operations/removal.ts";
import type { secretDeliverOperation } from "../operations/secret.ts";

/** Whoever carries requests to an agent. Throws the `LabError` of the answering side. */
export interface Courier {
  call(method: "GET" | "POST", path: string, parts?: { readonly body?: unknown }): Promise<unknown>;
}

/*
 * The operations by path, with their types only: their schemas would load a library that takes longer than signing.
 * The agent checks what it gets; what it answers is used as bytes that are checked one by one.
 */
export const CONTEXT_PATH = "/v1/operator-context";
export const SUBMIT_PATH = "/v1/entries";
export const DELIVER_PATH = "/v1/secret-envelopes";
export const REMOVAL_ENDS_PATH = "/v1/removal-ends";
export const REMOVAL_PREVIEW_PATH = "/v1/removal-preview";
export const PULL_PATH = "/v1/pull";

export type OperatorContext = OutputOf<typeof operatorContextOperation>;
export type Subject = NonNullable<OperatorContext["servers"][string]>;
export type SubmitAnswer = OutputOf<typeof entrySubmitOperation>;
export type DeliverAnswer = OutputOf<typeof secretDeliverOperation>;

export async function askContext(
  courier: Courier,
  body: Required<InputOf<typeof operatorContextOperation>>,
): Promise<OperatorContext> {
  return (await courier.call("POST", CONTEXT_PATH, { body })) as OperatorContext;
}

export async function submitEntries(courier: Courier, entries: readonly string[]): Promise<SubmitAnswer> {
  return (await courier.call("POST", SUBMIT_PATH, { body: { entries } })) as SubmitAnswer;
}

/**
 * For whoever finds that nothing needs changing. What the disk of an agent refused counts there until it ends: it is to
 * be on the disk before anybody is told that it stands. Throws `DiskFull`, `DiskFailed`.
 */
export async function requireKept(courier: Courier): Promise<void> {
  try {
    await submitEntries(courier, []);
  } catch (error) {
    // Where no agent runs, and from an earlier release, or for somebody who may only read, nothing can be had.
    if (error instanceof LabError && (error.code === "DiskFull" || error.code === "DiskFailed")) throw error;
  }
}

export async function deliverEnvelope(
  courier: Courier,
  body: InputOf<typeof secretDeliverOperation>,
): Promise<DeliverAnswer> {
  return (await courier.call("POST", DELIVER_PATH, { body })) as DeliverAnswer;
}

export type RemovalPreview = OutputOf<typeof removalPreviewOperation>;
export type PullAnswer = OutputOf<typeof meshPullOperation>;

export async function askRemovalEnds(
  courier: Courier,
  body: InputOf<typeof removalEndsOperation>,
): Promise<OutputOf<typeof removalEndsOperation>> {
  return (await courier.call("POST", REMOVAL_ENDS_PATH, { body })) as OutputOf<typeof removalEndsOperation>;
}

export async function askRemovalPreview(
  courier: Courier,
  body: InputOf<typeof removalPreviewOperation>,
): Promise<RemovalPreview> {
  return (await courier.call("POST", REMOVAL_PREVIEW_PATH, { body })) as RemovalPreview;
}

/** Makes the agent ask every member for what it lacks. */
export async function askPull(courier: Courier): Promise<PullAnswer> {
  return (await courier.call("POST", PULL_PATH, { body: {} })) as PullAnswer;
}
