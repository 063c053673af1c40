import type { Keys, Signer } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import { type Entry, type Header, type Signature, replaceSignatures } from "../crdt/entry/entry.ts";
import { SCHEME_ED25519, signingMessage } from "../crdt/entry/signatures.ts";

/** A key that signs for an operator, wherever it lies: in a file, in an agent, in a token that waits for a touch. */
export interface OperatorSigner {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Signature>;
}

/** The signer of an Ed25519 key that is at hand. */
export function seedSigner(keys: Pick<Keys, "signer">, seed: Secret): OperatorSigner {
  return promptSigner(keys.signer(seed));
}

function promptSigner(signer: Signer): OperatorSigner {
  return {
    publicKey: signer.publicKey,
    sign: async (message) => ({ scheme: SCHEME_ED25519, bytes: signer.sign(message) }),
  };
}

/** Puts the signatures of these keys, in this order, on a draft. */
export async function sealDraft<H extends Header>(
  draft: Entry<H>,
  ...signers: readonly OperatorSigner[]
): Promise<Entry<H>> {
  const message = signingMessage(draft.header.kind, draft.signed);
  const signatures: Signature[] = [];
  // One after the other: each may ask its person for something.
  for (const signer of signers) signatures.push(await signer.sign(message));
  return replaceSignatures(draft, signatures);
}
