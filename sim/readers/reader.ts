import { fromBase64Url, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { LabError } from "../../src/core/errors.ts";
import type { SealIdentity, Signer } from "../../src/core/ports/keys.ts";
import { decodeGetAnswer, decodeServed } from "../../src/core/secrets/messages.ts";
import { encodeOperatorRead, openReadAnswer, readToSign } from "../../src/core/secrets/operator-read.ts";
import { SCHEME_ED25519 } from "../../src/core/signature.ts";
import { secretChallengeOperation, secretReadOperation } from "../../src/operations/secret.ts";
import type { Machine } from "../machine.ts";
import { bytes } from "../hands.ts";
import type { World } from "../world.ts";

/** A request for a value, as somebody means it who may be no operator at all. */
export interface Request {
  readonly signer: Signer;
  /** Hex of the key that it is said to be of; its own if nothing else is said. */
  readonly as?: string;
  readonly through: Machine;
  readonly store: Machine;
  readonly path: string;
}

/** What was sent, so that it can be sent again. */
export interface Sent {
  readonly store: string;
  readonly read: string;
  readonly scheme: number;
  readonly signature: string;
  readonly identity: SealIdentity;
}

/** What came of it: the value as text, or what the store said; `silent` if nothing did. */
export interface Outcome {
  readonly said: "value" | "none" | "missing" | "unvouched" | "silent";
  readonly value: string | null;
  readonly sent: Sent | null;
}

/** Asks a store for a value as `lab secret get` does. */
export async function ask(world: World, { signer, as, through, store, path }: Request): Promise<Outcome> {
  try {
    const { challenge } = await through.call(secretChallengeOperation, { store: store.key });
    const identity = await world.keys.createSealIdentity();
    const read = encodeOperatorRead({
      mesh: world.mesh,
      operator: as ?? toHex(signer.publicKey),
      store: store.key,
      path,
      recipient: identity.recipient,
      challenge: fromBase64Url(challenge) as Uint8Array,
    });
    const signature = toBase64Url(signer.sign(readToSign(read).message));
    return await send(world, through, {
      ...{ store: store.key, read: toBase64Url(read), scheme: SCHEME_ED25519, signature, identity },
    });
  } catch (error) {
    return silence(error, null);
  }
}

export async function send(world: World, through: Machine, sent: Sent): Promise<Outcome> {
  try {
    const { identity, ...input } = sent;
    const { answer } = await through.call(secretReadOperation, input);
    const [read, signed] = [fromBase64Url(input.read), fromBase64Url(answer)] as [Uint8Array, Uint8Array];
    const opened = openReadAnswer(world.keys, bytes(input.store), read, signed);
    if (opened === null) throw new Error("an answer that its store did not sign");
    const got = decodeGetAnswer(opened);
    if (got.state !== "value") return { said: got.state, value: null, sent };
    const served = await world.keys.open(identity, got.sealed);
    if (served === null) throw new Error("an answer that is sealed to somebody else");
    const { content } = decodeServed(served);
    const value = "value" in content ? Buffer.from(content.value.reveal()).toString() : null;
    return { said: "value", value, sent };
  } catch (error) {
    return silence(error, sent);
  }
}

function silence(error: unknown, sent: Sent | null): Outcome {
  if (error instanceof LabError) return { said: "silent", value: null, sent };
  throw error;
}
