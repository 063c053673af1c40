import { equalBytes } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import { sshSignature } from "../core/signature.ts";
import { sshFingerprint } from "../core/ssh/public-key.ts";
import { decodeSshSignature, readSshArmour, writeSshArmour } from "../core/ssh/sshsig.ts";
import { decodeBody } from "../crdt/authority/bodies.ts";
import type { AuthorityHeader, Entry } from "../crdt/entry/entry.ts";
import {
  carriesValidSignature,
  readSigningMessage,
  signableOf,
  signingMessage,
  withSignature,
} from "../crdt/entry/signatures.ts";
import { describeBody, type NameOf } from "./describe.ts";
import { type OperatorSigner, signLikeSsh } from "./signer.ts";

/*
 * An order is the bytes that a signature covers, and nothing else: `ssh-keygen -Y sign -n lab@authority` over that file
 * signs the act, wherever the key is.
 */

export type Draft = Entry<AuthorityHeader>;

export function writeOrder({ header, signed }: Draft): Uint8Array {
  return signingMessage(header.kind, signed);
}

/** Throws `InvalidFile` for a file that is no order. */
export function readOrder(keys: Pick<Keys, "hash">, file: string, bytes: Uint8Array): Draft {
  try {
    const draft = readSigningMessage(keys, bytes);
    if (decodeBody(draft.header.type, draft.payload).type !== "unknown") return draft;
    throw new MalformedError(`an act "${draft.header.type}" is not known to this release`);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    const hint = "lab operator add … --out FILE and such write orders";
    throw new LabError("InvalidFile", `${file} is not an order: ${cause.message}`, { hint }, { cause });
  }
}

/** What an order says, from its bytes. */
export function describeOrder({ header, payload }: Draft, nameOf: NameOf): string {
  const body = decodeBody(header.type, payload);
  return body.type === "unknown" ? header.type : describeBody(body, nameOf);
}

/** The signature file, as `ssh-keygen` writes it. */
export async function signOrder(
  keys: Pick<Keys, "hash" | "hash512">,
  signer: OperatorSigner,
  draft: Draft,
): Promise<string> {
  return writeSshArmour(await signLikeSsh(keys, signer, signableOf(draft)));
}

/** The order with its signature. Throws `InvalidFile` for a file that is none, `NotAuthorised` for one that does not fit. */
export function joinSignature(keys: Keys, draft: Draft, file: string, armour: string): Draft {
  let bytes: Uint8Array;
  try {
    bytes = readSshArmour(armour);
    const signed = withSignature(draft, sshSignature(bytes));
    if (carriesValidSignature(keys, signed)) return signed;
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    const hint = "ssh-keygen -Y sign -n lab@authority -f KEY FILE makes one";
    throw new LabError("InvalidFile", `${file}: ${cause.message}`, { hint }, { cause });
  }
  throw new LabError("NotAuthorised", `${file} does not sign this order: ${whyNot(keys, draft, bytes)}`, {
    hint: "sign the order as it is, with the key that it is for",
  });
}

function whyNot(keys: Keys, { header }: Draft, bytes: Uint8Array): string {
  const ssh = decodeSshSignature(bytes);
  const named = (key: Uint8Array) => sshFingerprint(keys, { key, application: ssh.token?.application ?? null });
  if (!equalBytes(ssh.publicKey, header.key)) {
    return `it is by ${named(ssh.publicKey)}, and the order is for ${named(header.key)}`;
  }
  return ssh.namespace === "lab@authority"
    ? "it is over other bytes"
    : `its namespace is ${ssh.namespace}, not lab@authority`;
}
