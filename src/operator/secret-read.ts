import { fromBase64Url, fromHex, toBase64Url, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import { secretVersionPath } from "../core/paths.ts";
import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import type { Secret } from "../core/secret.ts";
import { decodeGetAnswer, decodeServed, type GetAnswer } from "../core/secrets/messages.ts";
import { openServed } from "../core/secrets/open-served.ts";
import { encodeOperatorRead, openReadAnswer, readToSign } from "../core/secrets/operator-read.ts";
import { readVersion, SEALED_CLASS, type VersionMetadata } from "../core/secrets/version.ts";
import type { ListDocument } from "../operations/kinds/meta.ts";
import type { SecretVersion } from "../operations/kinds/secret-version.ts";
import type { secretChallengeOperation, secretReadOperation } from "../operations/secret.ts";
import type { OutputOf } from "../operations/operation.ts";
import type { Courier } from "./requests.ts";
import type { Session } from "./session.ts";
import { signedVersion } from "./signed-version.ts";

/** Whoever carries requests, with what can be asked in the address. */
export interface ReadCourier extends Courier {
  call(
    method: "GET" | "POST",
    path: string,
    parts?: { readonly body?: unknown; readonly query?: Readonly<Record<string, string>> },
  ): Promise<unknown>;
}

type Store = Session["context"]["stores"][number];
type Outcome = Exclude<GetAnswer["state"], "value"> | { readonly value: Secret };

/** What a session has to ask about before {@link readSecret}. */
export function readSubjects(path: string) {
  return { paths: [secretVersionPath(path)] };
}

/**
 * The value of a secret for the operator of this session, from the first store that gives it; the caller wipes it. What
 * the store gives is held against what the version's writer signed. Throws `NotAuthorised`, alike for what does not
 * exist and what this operator may not have, `SecretUnavailable`, `PeerContradicted`.
 */
export async function readSecret(session: Session, keys: Keys, courier: ReadCourier, path: string): Promise<Secret> {
  const { stores } = session.context;
  const current = await currentVersion(session, keys, courier, path);
  if (current === null) throw notGiven(session, path);
  const own = current.metadata.class === SEALED_CLASS ? await session.sealIdentity() : null;
  const notes: string[] = [];
  const refusals = new Set<string>();
  for (const store of stores) {
    try {
      const outcome = await ask(session, keys, courier, store, current, own);
      if (typeof outcome === "object") return outcome.value;
      refusals.add(outcome);
      notes.push(`${store.name} ${SAID[outcome]}`);
    } catch (error) {
      if (!(error instanceof LabError) || error.code === "PeerContradicted") throw error;
      notes.push(`${store.name}: ${error.message}`);
    }
  }
  if (refusals.has("none")) throw notGiven(session, path);
  throw new LabError("SecretUnavailable", `no store gave secret "${path}"`, {
    notes: stores.length === 0 ? ["no machine has the label secret-store"] : notes,
    hint: stores.length === 0 ? "lab label server NODE secret-store" : "lab secret status --store",
  });
}

const SAID = {
  none: "gives it to nobody here",
  missing: "does not hold the current version yet",
  unvouched: "does not know itself to be up to date, and the secret is strict",
} as const satisfies Record<Exclude<GetAnswer["state"], "value">, string>;

interface Wanted {
  readonly path: string;
  readonly version: string;
  readonly metadata: VersionMetadata;
}

/** The current version as the agent names it, with what its writer signed for it; null if there is none. */
async function currentVersion(
  { known, context }: Session,
  keys: Keys,
  courier: ReadCourier,
  path: string,
): Promise<Wanted | null> {
  const items = await versionsOf(courier, path);
  const current = items.find(({ state }) => state === "current");
  if (current === undefined) return null;
  const { log, version } = current;
  if (known.authority.roleLogs.get(log)?.label === SECRET_STORE) {
    // A store that makes values chooses them: there is nothing of an operator's to hold its word against.
    const metadata = readVersion(context.current[secretVersionPath(path)]);
    return metadata === null ? null : { path, version, metadata };
  }
  return { path, version, metadata: await signedVersion(courier, keys, known, { path, version, log }) };
}

async function versionsOf(courier: ReadCourier, path: string): Promise<readonly SecretVersion[]> {
  try {
    const document = await courier.call("GET", "/v1/secret-versions", { query: { path } });
    return (document as ListDocument<SecretVersion>).items;
  } catch (error) {
    if (error instanceof LabError && error.code === "NotFound") return [];
    throw error;
  }
}

async function ask(
  session: Session,
  keys: Keys,
  courier: ReadCourier,
  store: Store,
  wanted: Wanted,
  own: SealIdentity | null,
): Promise<Outcome> {
  const { challenge } = (await courier.call("POST", "/v1/secret-challenges", {
    body: { store: store.key },
  })) as OutputOf<typeof secretChallengeOperation>;
  const answers = await keys.createSealIdentity();
  try {
    const read = encodeOperatorRead({
      mesh: session.mesh,
      operator: toHex(session.publicKey),
      store: store.key,
      path: wanted.path,
      recipient: answers.recipient,
      challenge: bytesOf(challenge, store),
    });
    const { scheme, bytes } = await session.signRequest(readToSign(read));
    const { answer } = (await courier.call("POST", "/v1/secret-reads", {
      body: { store: store.key, read: toBase64Url(read), scheme, signature: toBase64Url(bytes) },
    })) as OutputOf<typeof secretReadOperation>;
    const opened = openReadAnswer(keys, fromHex(store.key) as Uint8Array, read, bytesOf(answer, store));
    if (opened === null) throw contradicted(store, "the answer is not signed by it");
    const got = decodeGetAnswer(opened);
    return got.state === "value"
      ? { value: await openAnswer(keys, session, { answers, own }, got.sealed, store, wanted) }
      : got.state;
  } catch (error) {
    if (error instanceof MalformedError) throw contradicted(store, error.message);
    throw error;
  } finally {
    answers.identity.wipe();
  }
}

async function openAnswer(
  keys: Keys,
  session: Session,
  { answers, own }: { readonly answers: SealIdentity; readonly own: SealIdentity | null },
  sealed: Uint8Array,
  store: Store,
  wanted: Wanted,
): Promise<Secret> {
  const opened = await keys.open(answers, sealed);
  if (opened === null) throw contradicted(store, "the answer is sealed to somebody else");
  try {
    const served = decodeServed(opened);
    if (served.path !== wanted.path || served.version !== wanted.version) {
      throw contradicted(store, "it gave another version than the one that counts");
    }
    const content = await openServed(keys, own ?? answers, session.mesh, served, wanted);
    if (content.verdict === "not-ours") {
      throw new LabError("SecretUnavailable", `secret "${wanted.path}" is not sealed to ${session.operator}`, {
        notes: ["it is sealed to operators who were allowed, and had a recipient, when it was set"],
        hint: "lab operator recipient, and then somebody sets it again",
      });
    }
    if (content.verdict !== "value") throw contradicted(store, content.reason);
    return content.value;
  } finally {
    opened.wipe();
  }
}

function bytesOf(text: string, store: Store): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === null) throw contradicted(store, "the answer is not base64url");
  return bytes;
}

function notGiven({ operator }: Session, path: string): LabError {
  return new LabError("NotAuthorised", `secret "${path}" does not exist or ${operator} may not read it`, {
    hint: `lab show secret ${path} says who may; an operator who may administer allows more: lab secret allow`,
  });
}

function contradicted({ name }: Store, why: string): LabError {
  return new LabError("PeerContradicted", `what store ${name} is said to give does not hold: ${why}`, {
    hint: "ask again, or another peer with --peer NAME; if it stays so, find out what is wrong with that store",
  });
}
