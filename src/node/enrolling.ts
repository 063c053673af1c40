import { toHex } from "../core/bytes.ts";
import {
  decodeEnrolAnswer,
  ENROL_CHANNEL,
  type EnrolAnswer,
  encodeEnrolRequest,
  type JoinToken,
  joinMessage,
} from "../core/enrolment.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { Link, LinkEvents } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import { Secret } from "../core/secret.ts";
import { NOT_A_MEMBER } from "../mesh/gate.ts";
import { createLibp2pLink } from "../mesh/libp2p/link.ts";
import type { NodeKeys } from "./platform/home.ts";
import { systemInterfaces } from "./platform/interfaces.ts";

const JOIN_TIMEOUT_MS = 20_000;

/** A mesh of ten thousand machines has some fifty thousand. */
const MOST_ENTRIES = 1_000_000;

/**
 * Asks the coordinator that issued a token to let this machine in, and for all authority entries, one portion after the
 * other. Throws `PeerUnreachable`, `TokenRefused` for what the coordinator cannot answer, `PeerContradicted`.
 */
export async function askToEnrol(
  keys: Keys,
  own: NodeKeys,
  token: JoinToken,
  name: string | null,
): Promise<EnrolAnswer> {
  const quiet: Log = { write: () => {} };
  const link = await createLibp2pLink({
    seed: own.seed,
    meshId: toHex(token.mesh),
    listen: [],
    interfaces: systemInterfaces(),
    mdns: false,
    ...(token.psk === undefined ? {} : { psk: new Secret(token.psk) }),
    log: quiet,
  });
  const issuer = toHex(token.issuer);
  const events: LinkEvents = {
    // The connection proves that it is the one that the token names, and it has more to say than strangers may.
    standing: (peer) => (peer === issuer ? "member" : "refused"),
    opened: () => {},
    closed: () => {},
    request: () => Promise.reject(new Error("this machine is not a member yet")),
    broadcast: () => "taken",
    discovered: () => {},
  };
  await link.start(events);
  try {
    const signer = keys.signer(own.seed);
    const { recipient } = own.seal;
    const request = {
      tokenId: token.id,
      secret: token.secret,
      seal: recipient,
      proof: signer.sign(joinMessage(token.mesh, signer.publicKey, recipient)),
      name,
    };
    return await everything(async (after) => {
      return decodeEnrolAnswer(await knock(link, issuer, token, encodeEnrolRequest({ ...request, after })));
    });
  } finally {
    await link.stop();
  }
}

/** The first answer, with the entries of those that follow it. */
async function everything(ask: (after: number) => Promise<EnrolAnswer>): Promise<EnrolAnswer> {
  const first = await ask(0);
  if (first.state === "refused") return first;
  const entries = [...first.entries];
  for (let { more } = first; more; ) {
    const next = await ask(entries.length);
    if (next.state === "refused") return next;
    if (next.entries.length === 0 || entries.length > MOST_ENTRIES) {
      throw new LabError("PeerContradicted", "the coordinator has ever more to give, and does not give it", {
        hint: "try again; if it stays so, ask for a token of another coordinator",
      });
    }
    entries.push(...next.entries);
    ({ more } = next);
  }
  return { ...first, entries, more: false };
}

async function knock(link: Link, issuer: string, token: JoinToken, request: Uint8Array): Promise<Uint8Array> {
  try {
    await link.dial(issuer, token.addresses, JOIN_TIMEOUT_MS);
    return await link.request(issuer, ENROL_CHANNEL, request, JOIN_TIMEOUT_MS);
  } catch (cause) {
    if (!(cause instanceof LabError)) throw cause;
    throw unanswered(cause, token);
  }
}

const ANOTHER_TOKEN = "ask an operator for another: lab token create";

function unanswered(cause: LabError, token: JoinToken): LabError {
  // The protocol is called after the mesh.
  if (cause.cause instanceof Error && cause.cause.name === "UnsupportedProtocolError") {
    const message = "the machine that issued this token is not in the token's mesh";
    return new LabError("TokenRefused", message, { hint: ANOTHER_TOKEN }, { cause });
  }
  if (cause.code === "PeerFailed" && cause.message === NOT_A_MEMBER) {
    const hint = `try again if its agent has just started; else ${ANOTHER_TOKEN}`;
    return new LabError(
      "TokenRefused",
      "the machine that issued this token is no coordinator now",
      { hint },
      { cause },
    );
  }
  if (cause.code === "PeerFailed") {
    const hint = "try again when that is mended: the token is still good";
    return new LabError(
      cause.code,
      `the coordinator could not redeem the token: ${cause.message}`,
      { hint },
      { cause },
    );
  }
  return new LabError(
    "PeerUnreachable",
    "the coordinator that issued this token does not answer",
    {
      notes: [`tried ${token.addresses.join(", ")}`],
      hint: "start the agent there and try again: the token is still good",
    },
    { cause },
  );
}
