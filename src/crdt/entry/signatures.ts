import { ascii, concat, equalBytes } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import type { Keys, VerifyItem } from "../../core/ports/keys.ts";
import { isSigned, SCHEME_ED25519, type Signable, type Signature, verificationOf } from "../../core/signature.ts";
import {
  type AuthorityHeader,
  bareEntry,
  decodeEntry,
  type Entry,
  type Header,
  isAuthority,
  MAX_ENTRY_BYTES,
  replaceSignatures,
} from "./entry.ts";

/** How entries are signed. A scheme that does not fit the kind of entry makes a signature that does not count. */

const SIGN_DOMAIN = {
  authority: ascii("lab/1/sign-authority\0"),
  chain: ascii("lab/1/sign-chain\0"),
  observed: ascii("lab/1/sign-observed\0"),
} as const;

/** What can be signed with an SSH key: what people sign, not what machines say about themselves. */
export type SshSigned = Exclude<Header["kind"], "observed">;

/** The bytes that a signature of this entry covers: a domain by kind, then header, length and payload. */
export function signingMessage(kind: Header["kind"], signed: Uint8Array): Uint8Array {
  return concat(SIGN_DOMAIN[kind], signed);
}

/** The act of authority that a {@link signingMessage} is about, without a signature. Throws {@link MalformedError}. */
export function readSigningMessage(keys: Pick<Keys, "hash">, message: Uint8Array): Entry<AuthorityHeader> {
  const domain = SIGN_DOMAIN.authority;
  if (!equalBytes(message.subarray(0, domain.length), domain)) throw new MalformedError("not an act of authority");
  const entry = decodeEntry(keys, concat(message.subarray(domain.length), NO_SIGNATURES));
  if (!isAuthority(entry)) throw new MalformedError("not an act of authority");
  return entry;
}

const NO_SIGNATURES = Uint8Array.of(0);

/** Namespace of `ssh-keygen -Y sign -n`: an act of authority never passes for a write, nor for a file or a commit. */
export function sshNamespace(kind: SshSigned): string {
  return `lab@${kind}`;
}

/** Joins header and payload to an entry that carries what `sign` makes of them. */
export function sealEntry<H extends Header>(
  keys: Pick<Keys, "hash">,
  header: H,
  payload: Uint8Array,
  sign: (message: Uint8Array) => readonly Signature[],
): Entry<H> {
  const entry = bareEntry(keys, header, payload);
  return replaceSignatures(entry, sign(signingMessage(header.kind, entry.signed)));
}

/** The entry with a signature more; a copy, as entries never change. */
export function withSignature<H extends Header>(entry: Entry<H>, signature: Signature): Entry<H> {
  const has = entry.signatures.some(({ scheme, bytes }) => {
    return scheme === signature.scheme && equalBytes(bytes, signature.bytes);
  });
  return has ? entry : replaceSignatures(entry, [...entry.signatures, signature]);
}

/** How many signatures of one entry are looked at, so that a false one costs its reader little. */
const MAX_SIGNATURES = 4;

/** What an Ed25519 verifier has to be asked about the signatures of the entry's writer: one yes is enough. */
export function verificationsOf(keys: Hashes, entry: Entry): VerifyItem[] {
  const { signatures, header } = entry;
  const signable = signableOf(entry);
  return signatures.slice(0, MAX_SIGNATURES).flatMap((one) => verificationOf(keys, header.key, signable, one) ?? []);
}

/** What a signature of this entry is about. What machines say about themselves no SSH key signs. */
export function signableOf({ header, signed }: Entry): Signable {
  const { kind } = header;
  return { namespace: kind === "observed" ? null : sshNamespace(kind), message: signingMessage(kind, signed) };
}

/** True if this is a good signature of `key` over the entry. */
export function isSignatureOf(keys: Verifying, key: Uint8Array, entry: Entry, signature: Signature): boolean {
  return isSigned(keys, key, signableOf(entry), signature);
}

type Hashes = Pick<Keys, "hash" | "hash512">;
type Verifying = Hashes & Pick<Keys, "verify">;

/** True if one of the entry's own signatures is a good one of its writer. */
export function carriesValidSignature(keys: Verifying, entry: Entry): boolean {
  const { signatures, header } = entry;
  const [only] = signatures;
  if (signatures.length === 1 && only?.scheme === SCHEME_ED25519) {
    return keys.verify(header.key, messageAtDesk(header.kind, entry.signed), only.bytes);
  }
  return verificationsOf(keys, entry).some((item) => keys.verify(item.publicKey, item.message, item.signature));
}

const desk = new Uint8Array(MAX_ENTRY_BYTES);

/** The {@link signingMessage}, to be read at once: most entries have one signature, and no need of an array for it. */
function messageAtDesk(kind: Header["kind"], signed: Uint8Array): Uint8Array {
  const domain = SIGN_DOMAIN[kind];
  if (domain.length + signed.length > desk.length) return signingMessage(kind, signed);
  desk.set(domain);
  desk.set(signed, domain.length);
  return desk.subarray(0, domain.length + signed.length);
}
