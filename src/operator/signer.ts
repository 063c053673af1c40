import type { Keys } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import {
  type AuthorityHeader,
  type ChainHeader,
  type Entry,
  replaceSignatures,
  type Signature,
} from "../crdt/entry/entry.ts";
import { SCHEME_ED25519, signingMessage, sshNamespace, sshSignature } from "../crdt/entry/signatures.ts";
import { encodeSshSignature, sshSignedData } from "../crdt/entry/sshsig.ts";

/** A key that signs for an operator, wherever it lies: in a file, in an agent, in a token that waits for a touch. */
export interface OperatorSigner {
  readonly publicKey: Uint8Array;
  /** What a FIDO2 token mixes into its signatures, such as `ssh:`; null for a key that is no token's. */
  readonly application: string | null;
  sign(message: Uint8Array): Promise<KeySignature>;
}

/** What an Ed25519 key says; a FIDO2 token adds what it knows of the moment (OpenSSH's PROTOCOL.u2f). */
export interface KeySignature {
  /** 64 bytes. */
  readonly bytes: Uint8Array;
  readonly token: { readonly flags: number; readonly counter: number } | null;
}

/** What operators sign: acts of authority, and desired state. */
export type OperatorHeader = AuthorityHeader | ChainHeader;

type Hashes = Pick<Keys, "hash" | "hash512">;

/** The signer of an Ed25519 key that is at hand. */
export function seedSigner(keys: Pick<Keys, "signer">, seed: Secret): OperatorSigner {
  const signer = keys.signer(seed);
  return {
    publicKey: signer.publicKey,
    application: null,
    sign: async (message) => ({ bytes: signer.sign(message), token: null }),
  };
}

/** Puts the signatures of these keys, in this order, on a draft. */
export async function sealDraft<H extends OperatorHeader>(
  keys: Hashes,
  draft: Entry<H>,
  ...signers: readonly OperatorSigner[]
): Promise<Entry<H>> {
  const signatures: Signature[] = [];
  // One after the other: each may ask its person for something.
  for (const signer of signers) signatures.push(await signEntry(keys, signer, draft));
  return replaceSignatures(draft, signatures);
}

async function signEntry(keys: Hashes, signer: OperatorSigner, draft: Entry<OperatorHeader>): Promise<Signature> {
  // A token wraps whatever it signs: only OpenSSH's form has a place for that.
  if (signer.application !== null) return sshSignature(await signLikeSsh(keys, signer, draft));
  const { bytes } = await signer.sign(signingMessage(draft.header.kind, draft.signed));
  return { scheme: SCHEME_ED25519, bytes };
}

/** The signature as `ssh-keygen -Y sign` makes it, without armour. */
export async function signLikeSsh(
  keys: Hashes,
  signer: OperatorSigner,
  { header, signed }: Entry<OperatorHeader>,
): Promise<Uint8Array> {
  const { publicKey, application } = signer;
  const namespace = sshNamespace(header.kind);
  const hash = "sha512";
  const { bytes, token } = await signer.sign(sshSignedData(keys, namespace, hash, signingMessage(header.kind, signed)));
  const touched = application === null || token === null ? null : { application, ...token };
  return encodeSshSignature({ publicKey, namespace, hash, signature: bytes, token: touched });
}
