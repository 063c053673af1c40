import { equalBytes } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import type { SshKey } from "../core/ssh/public-key.ts";
import type { OperatorKey } from "./files/key-file.ts";
import { openWithPassphrase } from "./passphrase.ts";
import { type KeySignature, type OperatorSigner, seedSigner } from "./signer.ts";

/** What a key may need of its person and its device before it signs. */
export interface Unlocking {
  readonly keys: Pick<Keys, "signer" | "hash">;
  /** Null when there is no other attempt: nobody to ask, or asked often enough. The first attempt is 1. */
  passphrase(key: OperatorKey, attempt: number): Promise<Secret | null>;
  sshAgent(): { sign(key: Pick<SshKey, "key" | "application">, message: Uint8Array): Promise<KeySignature> };
}

/**
 * The signer of a key, wherever it lies. Throws `NotAuthorised` for a wrong passphrase, an agent that has not got it,
 * and a key that lies elsewhere; `InvalidFile` for a damaged file.
 */
export async function unlock(key: OperatorKey, unlocking: Unlocking): Promise<OperatorSigner> {
  const { custody } = key;
  switch (custody.kind) {
    case "plain":
    case "passphrase": {
      const { seed, passphrase } = await openSeed(key, unlocking);
      passphrase?.wipe();
      return requireOwn(key, seedSigner(unlocking.keys, seed));
    }
    case "ssh-agent": {
      const agent = unlocking.sshAgent();
      const sshKey = { key: key.publicKey, application: custody.application };
      return {
        publicKey: key.publicKey,
        application: custody.application,
        sign: (message) => agent.sign(sshKey, message),
        seal: null,
      };
    }
    case "elsewhere":
      throw new LabError("NotAuthorised", `the key of ${key.name} is on another machine`, {
        hint: "--out FILE writes what it has to sign",
      });
  }
}

/** The private half of a key that lies in a file, and what opened it. */
export interface OpenedSeed {
  readonly seed: Secret;
  /** Null if none was needed. The caller wipes it. */
  readonly passphrase: Secret | null;
}

/** Throws `NotAuthorised` for a wrong passphrase and for keys that lie in no file. */
export async function openSeed(key: OperatorKey, unlocking: Unlocking): Promise<OpenedSeed> {
  const { custody } = key;
  if (custody.kind === "plain") return { seed: custody.seed, passphrase: null };
  if (custody.kind !== "passphrase") {
    throw new LabError("NotAuthorised", `the key of ${key.name} is in no file of this device`, {
      hint: "its own device has it",
    });
  }
  for (let attempt = 1; ; attempt++) {
    const passphrase = await unlocking.passphrase(key, attempt);
    if (passphrase === null) {
      throw new LabError("NotAuthorised", `this is not the passphrase of ${key.name}'s key`, {
        hint: "a forgotten one cannot be found again: another key is let in, or lab operator recover makes one",
      });
    }
    const seed = await openWithPassphrase(custody.sealed, passphrase);
    if (seed !== null) return { seed, passphrase };
    passphrase.wipe();
  }
}

function requireOwn(key: OperatorKey, signer: OperatorSigner): OperatorSigner {
  if (equalBytes(signer.publicKey, key.publicKey)) return signer;
  throw new LabError("InvalidFile", `the key file of ${key.name} is damaged: its two keys do not belong together`, {
    hint: "restore it from a backup",
  });
}
