import { ascii } from "../../core/bytes.ts";
import { LabError, SealBrokenError } from "../../core/errors.ts";
import type { SealIdentity } from "../../core/ports/keys.ts";
import { Secret } from "../../core/secret.ts";
import { openWithX25519, readIdentity, readRecipient, sealToX25519, type X25519Key } from "./age-x25519.ts";
import { RecentMap } from "./recent-map.ts";

// Files of the age format, version 1 (https://age-encryption.org/v1). What this project writes is read and written with
// the machine's own cryptography; the library judges all the rest, and is loaded by the first use: 30 ms that most
// processes do not pay.

export async function createSealIdentity(): Promise<SealIdentity> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  return { recipient: await identityToRecipient(identity), identity: new Secret(ascii(identity)) };
}

/** Throws `Invalid` if one of the recipients is none. */
export async function seal(recipients: readonly string[], plaintext: Secret): Promise<Uint8Array> {
  if (recipients.length === 0) throw new Error("sealed to nobody, a value is lost");
  const keys = recipients.map(recipientOf);
  if (keys.every((key) => key !== null)) return sealToX25519(keys, plaintext.reveal());
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    return await encrypter.encrypt(plaintext.reveal());
  } catch {
    // The library's message may quote what it was given, and that may be a secret key given by mistake.
    const known = recipients.filter((recipient) => recipient.startsWith("age1")).join(", ");
    throw new LabError(
      "Invalid",
      `not every recipient is one that age can seal to: ${known || "none begins with age1"}`,
    );
  }
}

/** Null if no stanza is for this identity; an altered stanza of its own looks the same. */
export async function open(identity: SealIdentity, sealed: Uint8Array): Promise<Secret | null> {
  const own = identityOf(identity);
  const content = own === null ? null : openWithX25519(own, sealed);
  return content === null ? judge(identity, sealed) : new Secret(content);
}

/** A large mesh and then some. */
const RECIPIENTS_REMEMBERED = 4096;
const knownRecipients = new RecentMap<X25519Key>(RECIPIENTS_REMEMBERED);

function recipientOf(recipient: string): X25519Key | null {
  const known = knownRecipients.get(recipient);
  if (known !== undefined) return known;
  const read = readRecipient(recipient);
  if (read !== null) knownRecipients.set(recipient, read);
  return read;
}

/** Identities that were read before: a store opens with its own again and again. */
const knownIdentities = new WeakMap<SealIdentity, X25519Key | null>();

function identityOf(identity: SealIdentity): X25519Key | null {
  let own = knownIdentities.get(identity);
  if (own === undefined) {
    own = readIdentity(new TextDecoder().decode(identity.identity.reveal()));
    knownIdentities.set(identity, own);
  }
  return own;
}

async function judge(identity: SealIdentity, sealed: Uint8Array): Promise<Secret | null> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  try {
    decrypter.addIdentity(new TextDecoder().decode(identity.identity.reveal()));
  } catch {
    // Again without the library's words: they quote the key.
    throw new LabError("Invalid", `the secret key of ${identity.recipient} is not an age identity`);
  }
  let addressee = "us" as "us" | "others";
  // Identities are asked in turn until one has a key for the file: this one is asked when ours had none.
  decrypter.addIdentity({
    unwrapFileKey() {
      addressee = "others";
      return null;
    },
  });
  try {
    return new Secret(await decrypter.decrypt(sealed));
  } catch (cause) {
    if (addressee === "others") return null;
    throw new SealBrokenError({ cause });
  }
}
