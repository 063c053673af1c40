import { LabError } from "../../core/errors.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { sshFingerprint, type SshKey } from "../../core/ssh/public-key.ts";

/** The one key of an agent that a fingerprint, its beginning, or a comment means. Throws `NotFound`, `Usage`. */
export function chooseSshKey(keys: Pick<Keys, "hash">, held: readonly SshKey[], wish: string): SshKey {
  const named = held.map((key) => ({ key, fingerprint: sshFingerprint(keys, key) }));
  const fingerprint = wish.startsWith("SHA256:") ? wish : `SHA256:${wish}`;
  const exact = named.filter(({ key, ...one }) => one.fingerprint === fingerprint || key.comment === wish);
  const fitting = exact.length > 0 ? exact : named.filter((one) => one.fingerprint.startsWith(fingerprint));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only.key;
  const notes = named.map(({ key, fingerprint: print }) => `${print} ${key.comment}`.trimEnd());
  const facts = { field: "ssh-agent", notes: notes.length === 0 ? ["it has no Ed25519 key at all"] : notes };
  if (only === undefined) {
    const hint = "ssh-add FILE, or one of these by its fingerprint or comment";
    throw new LabError("NotFound", `the SSH agent has no Ed25519 key "${wish}"`, { ...facts, hint });
  }
  throw new LabError("Usage", `"${wish}" means ${fitting.length} keys of the SSH agent`, {
    ...facts,
    hint: "the whole fingerprint means one",
  });
}
