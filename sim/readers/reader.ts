import { fromBase64Url, toBase64Url, toHex } from "../../src/core/bytes.ts";
import { LabError } from "../../src/core/errors.ts";
import type { SealIdentity, Signer } from "../../src/core/ports/keys.ts";
import type { Envelope } from "../../src/core/secrets/envelope.ts";
import { openServed } from "../../src/core/secrets/open-served.ts";
import { readVersion } from "../../src/core/secrets/version.ts";
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
  /** What is sealed to the operator's key opens with this; none is if it is not said. */
  readonly own?: SealIdentity;
}

/** What was sent, so that it can be sent again. */
export interface Sent {
  readonly store: string;
  readonly read: string;
  readonly scheme: number;
  readonly signature: string;
  readonly identity: SealIdentity;
  readonly own: SealIdentity | null;
}

/** What came of it: the value as text, null where it is sealed to others; or what the store said, `silent` if nothing. */
export interface Outcome {
  readonly said: "value" | "none" | "missing" | "unvouched" | "silent";
  readonly value: string | null;
  readonly sent: Sent | null;
}

/** Asks a store for a value as `lab secret get` does. */
export async function ask(world: World, { signer, as, through, store, path, own }: Request): Promise<Outcome> {
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
      ...{ store: store.key, read: toBase64Url(read), scheme: SCHEME_ED25519, signature, identity, own: own ?? null },
    });
  } catch (error) {
    return silence(error, null);
  }
}

export async function send(world: World, through: Machine, sent: Sent): Promise<Outcome> {
  try {
    const { identity, own, ...input } = sent;
    const { answer } = await through.call(secretReadOperation, input);
    const [read, signed] = [fromBase64Url(input.read), fromBase64Url(answer)] as [Uint8Array, Uint8Array];
    const opened = openReadAnswer(world.keys, bytes(input.store), read, signed);
    if (opened === null) throw new Error("an answer that its store did not sign");
    const got = decodeGetAnswer(opened);
    if (got.state !== "value") return { said: got.state, value: null, sent };
    const served = await world.keys.open(identity, got.sealed);
    if (served === null) throw new Error("an answer that is sealed to somebody else");
    const { content, path, version } = decodeServed(served);
    if ("value" in content) return { said: "value", value: Buffer.from(content.value.reveal()).toString(), sent };
    return { said: "value", value: await openSealed(world, content, { path, version }, own), sent };
  } catch (error) {
    return silence(error, sent);
  }
}

/** By what its writer signed. */
async function openSealed(
  world: World,
  content: Envelope,
  { path, version }: { readonly path: string; readonly version: string },
  own: SealIdentity | null,
): Promise<string | null> {
  const metadata = readVersion(world.history.writes.find(({ entry }) => entry === version)?.value);
  if (own === null || metadata === null) return null;
  const opened = await openServed(world.keys, own, world.mesh, { path, version, content }, { path, metadata });
  if (opened.verdict === "refused") throw new Error(`an answer that is refused: ${opened.reason}`);
  return opened.verdict === "value" ? Buffer.from(opened.value.reveal()).toString() : null;
}

function silence(error: unknown, sent: Sent | null): Outcome {
  if (error instanceof LabError) return { said: "silent", value: null, sent };
  throw error;
}
