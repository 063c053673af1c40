import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import { SCHEME_ED25519, type Signable, type Signature, sshSignature } from "../core/signature.ts";
import { encodeSshSignature, sshSignedData } from "../core/ssh/sshsig.ts";
import { type AuthorityHeader, type ChainHeader, type Entry, replaceSignatures } from "../crdt/entry/entry.ts";
import { signableOf } from "../crdt/entry/signatures.ts";

/** A key that signs for an operator, wherever it lies: in a file, in an agent, in a token that waits for a touch. */
export interface OperatorSigner {
  readonly publicKey: Uint8Array;
  /** What a FIDO2 token mixes into its signatures, such as `ssh:`; null for a key that is no token's. */
  readonly application: string | null;
  sign(message: Uint8Array): Promise<KeySignature>;
  /** What is sealed to the key in a mesh opens with it; null for a key that signs and cannot open. */
  readonly seal: ((mesh: Uint8Array) => Promise<SealIdentity>) | null;
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
export function seedSigner(keys: Pick<Keys, "signer" | "hash">, seed: Secret): OperatorSigner {
  const signer = keys.signer(seed);
  return {
    publicKey: signer.publicKey,
    application: null,
    sign: async (message) => ({ bytes: signer.sign(message), token: null }),
    // Loaded when it is needed: it brings the library of age.
    seal: async (mesh) => (await import("./own-seal.ts")).operatorSeal(keys, seed, mesh),
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
  for (const signer of signers) signatures.push(await signWith(keys, signer, signableOf(draft)));
  return replaceSignatures(draft, signatures);
}

/** The signature of this key, in the form that its custody makes. */
export async function signWith(keys: Hashes, signer: OperatorSigner, signable: Signable): Promise<Signature> {
  // A token wraps whatever it signs: only OpenSSH's form has a place for that.
  if (signer.application !== null) return sshSignature(await signLikeSsh(keys, signer, signable));
  const { bytes } = await signer.sign(signable.message);
  return { scheme: SCHEME_ED25519, bytes };
}

/** The signature as `ssh-keygen -Y sign` makes it, without armour. */
export async function signLikeSsh(
  keys: Hashes,
  signer: OperatorSigner,
  { namespace, message }: Signable,
): Promise<Uint8Array> {
  const { publicKey, application } = signer;
  if (namespace === null) throw new Error("no SSH key signs this");
  const hash = "sha512";
  const { bytes, token } = await signer.sign(sshSignedData(keys, namespace, hash, message));
  const touched = application === null || token === null ? null : { application, ...token };
  return encodeSshSignature({ publicKey, namespace, hash, signature: bytes, token: touched });
}
