import { tokenSecretHash, writeToken } from "../core/enrolment.ts";
import { fromHex, toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import { HLC_MAX_AHEAD_MS } from "../core/hlc.ts";
import { isRoleLabel } from "../core/names.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import type { Random } from "../core/ports/random.ts";
import type { TokenBody } from "../crdt/authority/bodies.ts";
import type { OperatorContext } from "./requests.ts";

type Coordinator = OperatorContext["coordinators"][number];

/** What one machine gets when it joins. */
export interface TokenWishes {
  /** Null leaves it to the machine. */
  readonly name: string | null;
  /** Role labels among them. */
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly ttlMs: number;
  /** Of the mesh, if it has one: without it nobody reaches the coordinator. */
  readonly psk?: Secret;
}

export interface NewToken {
  /** To be signed. */
  readonly body: TokenBody;
  /** Hex; the name of the token in lists. */
  readonly id: string;
  /** What the machine is told; whoever has it can be that machine. */
  readonly text: string;
  readonly expiresMs: number;
  readonly labels: readonly string[];
}

/**
 * Who redeems the token: the machine that is asked, if it is a coordinator, else one that is online, else any, to be
 * waited for. Throws `NotFound` when there is none.
 */
export function chooseIssuer({ coordinators, self }: OperatorContext): Coordinator {
  const reachable = coordinators.filter(({ addresses }) => addresses.length > 0);
  const issuer =
    reachable.find(({ id }) => id === self.id) ?? reachable.find(({ online }) => online === "yes") ?? reachable[0];
  if (issuer !== undefined) return issuer;
  const [first] = coordinators;
  if (first === undefined) {
    throw new LabError("NotFound", "no machine is coordinator, so nobody could redeem a token", {
      hint: "lab label server NAME coordinator",
    });
  }
  throw new LabError("PeerUnreachable", `${first.name} is coordinator and nobody knows where it listens`, {
    hint: `start its agent, or: lab coordinator migrate --target NAME`,
  });
}

/** A token's entry and its text. The text holds a secret that the entry has only the hash of. */
export function createToken(
  tools: { readonly keys: Pick<Keys, "hash">; readonly random: Random },
  mesh: Uint8Array,
  issuer: Coordinator,
  wishes: TokenWishes,
  nowMs: number,
): NewToken {
  const { keys, random } = tools;
  const [id, secret] = [random.bytes(16), random.bytes(32)];
  const expiresMs = nowMs + wishes.ttlMs;
  const labels = [...new Set(wishes.labels)].sort();
  const body: TokenBody = {
    type: "token",
    id,
    secretHash: tokenSecretHash(keys, secret),
    name: wishes.name,
    labels: labels.filter((label) => !isRoleLabel(label)),
    attributes: wishes.attributes,
    roles: labels.filter(isRoleLabel),
    issuer: bytes(issuer.roleLog),
    // The issuer judges by its own clock, which may be behind this one by as much as a signature allows.
    nbf: nowMs - HLC_MAX_AHEAD_MS,
    exp: expiresMs,
    at: nowMs,
  };
  const { addresses, key } = issuer;
  const token = {
    mesh,
    id,
    secret,
    issuer: bytes(key),
    addresses: addresses.slice(0, 16),
    expiresMs,
    name: wishes.name,
    ...(wishes.psk === undefined ? {} : { psk: wishes.psk.reveal() }),
  };
  return { body, id: toHex(id), text: writeToken(keys, token), expiresMs, labels };
}

function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`the agent's answer has no key: ${hex}`);
  return found;
}
