import { ascii, concat } from "../bytes.ts";
import { MalformedError } from "../encoding.ts";
import type { Keys } from "../ports/keys.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { SshReader, sshString } from "./wire.ts";

export const SSH_ED25519 = "ssh-ed25519";
/** An Ed25519 key in a FIDO2 token (OpenSSH's PROTOCOL.u2f). */
export const SSH_SK_ED25519 = "sk-ssh-ed25519@openssh.com";

/** An Ed25519 public key as OpenSSH writes it. */
export interface SshKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** What a FIDO2 token mixes into its signatures, such as `ssh:`; null for a key that is no token's. */
  readonly application: string | null;
  readonly comment: string;
}

/** The key in SSH's own encoding. */
export function sshKeyBlob({ key, application }: Pick<SshKey, "key" | "application">): Uint8Array {
  return application === null
    ? concat(sshString(ascii(SSH_ED25519)), sshString(key))
    : concat(sshString(ascii(SSH_SK_ED25519)), sshString(key), sshString(ascii(application)));
}

/** Null for a key of another kind. Throws {@link MalformedError}. */
export function readSshKeyBlob(blob: Uint8Array, comment = ""): SshKey | null {
  const reader = new SshReader(blob);
  const type = reader.text();
  if (type !== SSH_ED25519 && type !== SSH_SK_ED25519) return null;
  const key = reader.string();
  const application = type === SSH_ED25519 ? null : reader.text();
  reader.end();
  if (key.length !== 32) throw new MalformedError("an Ed25519 key has 32 bytes");
  return { key, application, comment };
}

/** One line of a `.pub` file: `ssh-ed25519 AAAAC3… alice@desktop`. Throws {@link MalformedError}. */
export function readSshKeyLine(line: string): SshKey {
  const [type = "", data = "", ...comment] = line.trim().split(/\s+/);
  if (type !== SSH_ED25519 && type !== SSH_SK_ED25519) {
    throw new MalformedError(
      /^(sk-)?(ssh|ecdsa)-/.test(type) ? `a key of type ${type} cannot be used, only Ed25519` : "not an SSH public key",
    );
  }
  const blob = fromBase64(data);
  const key = blob === null ? null : readSshKeyBlob(blob, comment.join(" "));
  if (key === null || (key.application === null) !== (type === SSH_ED25519)) {
    throw new MalformedError("the SSH public key is damaged");
  }
  return key;
}

export function sshKeyLine(key: SshKey): string {
  const type = key.application === null ? SSH_ED25519 : SSH_SK_ED25519;
  return [type, toBase64(sshKeyBlob(key)), ...(key.comment === "" ? [] : [key.comment])].join(" ");
}

/** `SHA256:…`, as `ssh-keygen -l` shows it. */
export function sshFingerprint(keys: Pick<Keys, "hash">, key: Pick<SshKey, "key" | "application">): string {
  return `SHA256:${toBase64(keys.hash(sshKeyBlob(key))).replace(/=+$/, "")}`;
}
