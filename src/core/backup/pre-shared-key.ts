import { ascii, concat, equalBytes, fromBase64Url, toBase64Url } from "../bytes.ts";
import type { Keys, SealIdentity } from "../ports/keys.ts";
import { Secret } from "../secret.ts";
import type { Manifest } from "./manifest.ts";

const DOMAIN = ascii("lab/1/backup-psk\0");
const KEY_BYTES = 32;

/** What a backup has of the key that every connection begins with: sealed to the recovery code, where there is one. */
export async function sealPreSharedKey(
  keys: Pick<Keys, "seal">,
  mesh: Uint8Array,
  recovery: string | null,
  psk: Secret,
): Promise<NonNullable<Manifest["psk"]>> {
  if (recovery === null) return { sealed: null };
  const named = new Secret(concat(DOMAIN, mesh, psk.reveal()));
  return { sealed: toBase64Url(await keys.seal([recovery], named)) };
}

/** Null if this code does not open it, or what it opens is not a key of this mesh. Throws `SealBroken`. */
export async function openPreSharedKey(
  keys: Pick<Keys, "open">,
  mesh: Uint8Array,
  seal: SealIdentity,
  { sealed }: NonNullable<Manifest["psk"]>,
): Promise<Secret | null> {
  const bytes = sealed === null ? null : fromBase64Url(sealed);
  const opened = bytes === null ? null : ((await keys.open(seal, bytes))?.reveal() ?? null);
  const head = concat(DOMAIN, mesh);
  if (opened?.length !== head.length + KEY_BYTES || !equalBytes(opened.subarray(0, head.length), head)) return null;
  return new Secret(opened.slice(head.length));
}
