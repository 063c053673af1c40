import { fromBase64Url, toBase64Url } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { Heads } from "../../core/secrets/freshness.ts";
import {
  CHALLENGE_CHANNEL,
  decodeChallengeAnswer,
  encodeCarriedRead,
  READ_CHANNEL,
} from "../../core/secrets/operator-read.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import type { secretChallengeOperation, secretReadOperation } from "../../operations/secret.ts";
import type { Agent } from "../agent.ts";

const CHALLENGE_TIMEOUT_MS = 3000;
const READ_TIMEOUT_MS = 10_000;

/** Asks a store for what an operator has to name in a request. */
export async function challengeOf(
  agent: Agent,
  { store }: InputOf<typeof secretChallengeOperation>,
): Promise<OutputOf<typeof secretChallengeOperation>> {
  requireStore(agent, store);
  const answer = await agent.mesh.request(store, CHALLENGE_CHANNEL, new Uint8Array(0), CHALLENGE_TIMEOUT_MS);
  return { challenge: toBase64Url(decodeChallengeAnswer(answer)) };
}

/** Carries an operator's request to a store. What comes back is for the operator alone. */
export async function carryRead(
  agent: Agent,
  { store, scheme, ...input }: InputOf<typeof secretReadOperation>,
): Promise<OutputOf<typeof secretReadOperation>> {
  requireStore(agent, store);
  const [bytes, signature] = [fromBase64Url(input.read), fromBase64Url(input.signature)];
  if (bytes === null || signature === null) throw new LabError("Invalid", "the request is not base64url");
  const { authority, desired }: Heads = agent.heads();
  const body = encodeCarriedRead({ bytes, signature: { scheme, bytes: signature }, authority, desired });
  return { answer: toBase64Url(await agent.mesh.request(store, READ_CHANNEL, body, READ_TIMEOUT_MS)) };
}

function requireStore(agent: Agent, key: string): void {
  const isStore = agent
    .view()
    .holders(SECRET_STORE)
    .some((node) => node.key === key);
  if (!isStore) throw new LabError("NotFound", "no secret store has this key", { field: "store" });
}
