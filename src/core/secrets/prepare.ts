import { LabError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Secret } from "../secret.ts";
import { toHex } from "../bytes.ts";
import { encodeEnvelope, envelopeBody, sealEnvelope, type SealingTools } from "./envelope.ts";
import {
  COMMITMENT_NONCE_BYTES,
  type Committed,
  commitmentTo,
  MAX_VALUE_BYTES,
  type OverlappingVersion,
  SEALED_CLASS,
  STORE_CLASS,
  writeVersion,
} from "./version.ts";

export interface NewSecret extends SealingTools {
  readonly mesh: Uint8Array;
  readonly path: string;
  /** Stays the caller's, who wipes it after `finish`. */
  readonly value: Secret;
  /** Digest of the authority heads that the writer knows. */
  readonly heads: Uint8Array;
  /** Hex of those heads, as many as may be named. */
  readonly tips: readonly string[];
  readonly nowMs: number;
  /** What it takes the place of, if that stays valid for a while. */
  readonly before?: OverlappingVersion;
}

export interface PreparedSecret {
  /** What the writer signs into the ledger, at `version/<path>`. */
  readonly metadata: Json;
  /** The envelope for the stores, once the entry with the metadata has its hash. */
  finish(version: string, recipients: readonly string[]): Promise<Uint8Array>;
}

/** The two halves of a new version: what is signed and told to all, and what only stores get. Throws `TooLarge`. */
export function prepareSecret(secret: NewSecret): PreparedSecret {
  const { keys, random, mesh, path, value, heads, tips, nowMs, before } = secret;
  const committed = commit({ random, value });
  const commitment = commitmentTo(keys, mesh, path, committed);
  return {
    metadata: writeVersion({
      ...{ class: STORE_CLASS, commitment, heads, tips, restores: null, body: null, atMs: nowMs },
      ...(before && { before }),
    }),
    finish: async (version, recipients) => {
      const subject = { path, version, class: STORE_CLASS };
      return encodeEnvelope(await sealEnvelope({ keys, random }, mesh, subject, committed, recipients));
    },
  };
}

export interface PreparedSealed {
  readonly metadata: Json;
  /** The envelope for the stores, which carry it and cannot open it. */
  finish(version: string): Uint8Array;
}

/** The same for a value that is sealed to its readers alone, before it is signed. Throws `TooLarge`. */
export async function prepareSealed(
  { keys, random, mesh, path, value, heads, tips, nowMs }: NewSecret,
  readers: readonly string[],
): Promise<PreparedSealed> {
  const committed = commit({ random, value });
  const commitment = commitmentTo(keys, mesh, path, committed);
  const subject = { path, version: toHex(commitment), class: SEALED_CLASS };
  const envelope = await sealEnvelope({ keys, random }, mesh, subject, committed, readers);
  const body = envelopeBody(keys, envelope);
  return {
    metadata: writeVersion({ class: SEALED_CLASS, commitment, heads, tips, restores: null, body, atMs: nowMs }),
    finish: (version) => encodeEnvelope({ ...envelope, version }),
  };
}

function commit({ random, value }: Pick<NewSecret, "random" | "value">): Committed {
  if (value.byteLength > MAX_VALUE_BYTES) {
    throw new LabError("TooLarge", `a secret is at most 1 MiB, this one has ${value.byteLength} bytes`, {
      hint: "encrypt what is larger with a key, and make the key the secret",
    });
  }
  return { nonce: random.bytes(COMMITMENT_NONCE_BYTES), value };
}
