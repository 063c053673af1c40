import { fromHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { joinMessage } from "../core/enrolment.ts";
import type { Keys, Signer } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import type { RoleLogSubject } from "../operations/operator.ts";
import { draftAuthority, draftGenesis } from "../crdt/compose.ts";
import {
  decodeBody,
  type EnrolBody,
  type GenesisBody,
  type GrantBody,
  type KeyNote,
  type KnownBody,
  type Need,
  type Right,
  RIGHTS,
  type RoleBody,
  type UnroleBody,
} from "../crdt/authority/bodies.ts";
import { genesisLog } from "../crdt/authority/identifiers.ts";
import { type AuthorityHeader, decodeEntry, type Entry, isAuthority } from "../crdt/entry/entry.ts";
import { carriesValidSignature } from "../crdt/entry/signatures.ts";
import { DocumentCursor } from "../crdt/ledger/document-cursor.ts";
import { HLC_ZERO } from "../core/hlc.ts";
import { type OperatorSigner, sealDraft } from "./signer.ts";
import { type SignedLink, signWrites, type Write } from "./write.ts";

export interface ActPosition {
  readonly mesh: Uint8Array;
  /** The signer's log that carries the right. */
  readonly log: Uint8Array;
  /** Everything that the signer knows: the authority tips. */
  readonly parents: readonly Uint8Array[];
}

export interface SignedAct {
  readonly entry: Entry<AuthorityHeader>;
  /** Read back from the entry's bytes. */
  readonly body: KnownBody;
}

/** Acts one after the other, each with the one before as its parent, and nobody's signature on them. */
export function draftActs(
  keys: Keys,
  key: Uint8Array,
  position: ActPosition,
  bodies: readonly KnownBody[],
): Entry<AuthorityHeader>[] {
  let { parents } = position;
  return bodies.map((body) => {
    const draft = draftAuthority(keys, { ...position, parents }, body, key);
    parents = [draft.hash];
    return draft;
  });
}

/** Signs one act. */
export async function signAct(keys: Keys, signer: OperatorSigner, draft: Entry<AuthorityHeader>): Promise<SignedAct> {
  return readBack(keys, (await sealDraft(keys, draft, signer)).bytes);
}

/** Drafts acts and signs them. */
export async function signActs(
  keys: Keys,
  signer: OperatorSigner,
  position: ActPosition,
  bodies: readonly KnownBody[],
): Promise<SignedAct[]> {
  const signed: SignedAct[] = [];
  for (const draft of draftActs(keys, signer.publicKey, position, bodies))
    signed.push(await signAct(keys, signer, draft));
  return signed;
}

/** What every peer will do with the bytes, done before anybody sees them. */
function readBack(keys: Keys, bytes: Uint8Array): SignedAct {
  const entry = decodeEntry(keys, bytes);
  if (!isAuthority(entry)) throw new MalformedError("not an authority entry");
  const body = decodeBody(entry.header.type, entry.payload);
  if (body.type === "unknown" || !carriesValidSignature(keys, entry)) throw new Error("an own entry does not verify");
  return { entry, body };
}

/** A machine that its operator enrols by hand, with its own signature that it wants to be a member. */
export interface NewNode {
  readonly name: string;
  readonly signer: Signer;
  /** Age recipient. */
  readonly seal: string;
}

/** What the first machine is made of, by a founder. */
export interface Beginning {
  readonly founder: { readonly name: string; readonly signer: OperatorSigner; readonly note?: KeyNote };
  readonly node: NewNode;
  /** Role labels of the first node. */
  readonly roles: readonly string[];
  /** The first of the desired state, if anything. */
  readonly writes: readonly Write[];
  readonly nowMs: number;
}

export interface Founding extends Beginning {
  readonly meshName: string;
  /** Root and recovery recipient of the recovery code; without one the founder's key is root. */
  readonly recovery: { readonly root: OperatorSigner; readonly recipient: string } | null;
}

/** What a founder signed after the genesis entry. */
export interface BegunMesh {
  readonly mesh: Uint8Array;
  /** The founder's log: authority and desired state. */
  readonly log: Uint8Array;
  readonly acts: readonly SignedAct[];
  readonly links: readonly SignedLink[];
}

export interface FoundedMesh extends BegunMesh {
  readonly genesis: Entry<AuthorityHeader>;
}

/** Genesis, the first machine, and its roles (`trust.md` §10). */
export async function foundMesh(keys: Keys, random: Random, founding: Founding): Promise<FoundedMesh> {
  const { founder, recovery, nowMs } = founding;
  const root = recovery?.root ?? founder.signer;
  const body: GenesisBody = {
    type: "genesis",
    name: founding.meshName,
    root: { keys: [root.publicKey], k: 1 },
    founders: [{ key: founder.signer.publicKey, name: founder.name, ...EVERYTHING, ...founder.note }],
    recovery: recovery?.recipient ?? null,
    nonce: random.bytes(32),
    at: nowMs,
  };
  const draft = draftGenesis(keys, body, root.publicKey);
  const genesis = await sealDraft(keys, draft, ...(recovery === null ? [founder.signer] : [root, founder.signer]));
  return { genesis, ...(await beginMesh(keys, genesis.hash, founding)) };
}

/** The first machine and its roles, in a mesh that has a genesis entry and nothing else. */
export async function beginMesh(keys: Keys, mesh: Uint8Array, beginning: Beginning): Promise<BegunMesh> {
  const { founder, node, roles, nowMs } = beginning;
  const log = genesisLog(keys, mesh, founder.signer.publicKey);
  const enrol = await signActs(keys, founder.signer, { mesh, log, parents: [mesh] }, [enrolBody(mesh, node, nowMs)]);
  const parents = enrol.map(({ entry }) => entry.hash);
  const [id = mesh] = parents;
  const grants = await signActs(
    keys,
    founder.signer,
    { mesh, log, parents },
    roles.map((label) => roleBody(id, label, nowMs)),
  );
  const acts = [...enrol, ...grants];
  return { mesh, log, acts, links: await firstLinks(keys, beginning, mesh, log, acts) };
}

function firstLinks(
  keys: Keys,
  { founder, writes, nowMs }: Beginning,
  mesh: Uint8Array,
  log: Uint8Array,
  acts: readonly SignedAct[],
): Promise<readonly SignedLink[]> {
  const [head] = acts.slice(-1).map(({ entry }) => entry.hash);
  const position = {
    mesh,
    log,
    head: null,
    hlc: HLC_ZERO,
    cursor: new DocumentCursor(keys, log),
    newest: HLC_ZERO,
    nowMs,
    seen: keys.hash(head ?? mesh),
    others: {},
  };
  return signWrites(keys, founder.signer, position, writes);
}

export function enrolBody(mesh: Uint8Array, { name, signer, seal }: NewNode, at: number): EnrolBody {
  const proof = signer.sign(joinMessage(mesh, signer.publicKey, seal));
  return { type: "enrol", name, key: signer.publicKey, seal, proof, at };
}

export function roleBody(node: Uint8Array, label: string, at: number): RoleBody {
  return { type: "role", node, label, at };
}

/** The end of one role log that stays when the role goes. */
export interface RoleLogEnd {
  readonly log: Uint8Array;
  /** Its last entries. */
  readonly tips: readonly Uint8Array[];
  /** The last link of its ledger. */
  readonly end: { readonly seq: number; readonly hash: Uint8Array } | null;
}

/** Where a server's role logs end, as a peer says. */
export function roleLogEnds(logs: readonly RoleLogSubject[] | undefined): RoleLogEnd[] {
  return (logs ?? []).map(({ log, tips, end }) => ({
    log: bytesOf(log),
    tips: tips.map(bytesOf),
    // An agent of an earlier release says nothing of it.
    end: end ? { seq: end.seq, hash: bytesOf(end.hash) } : null,
  }));
}

function bytesOf(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === null) throw new Error(`the agent's answer has no hash: ${hex}`);
  return found;
}

/**
 * Takes a role label away. Names the end of every role log, because what is not named is void: the machines that a
 * coordinator let in would leave with it, and the values that a store made.
 */
export function unroleBody(
  node: Uint8Array,
  label: string,
  ends: readonly RoleLogEnd[],
  at: number,
  reason?: string,
): UnroleBody {
  const keeps = ends.map(({ log, tips, end }) => ({ log, a: tips.length === 0 ? null : tips, l: end }));
  return { type: "unrole", node, label, keeps, ...(reason === undefined ? {} : { reason }), at };
}

/** A key that somebody shall sign with, and what it shall be allowed. */
export interface NewOperator extends KeyNote {
  readonly name: string;
  readonly key: Uint8Array;
  readonly rank: number;
  readonly rights: readonly Right[];
  readonly need: Need;
}

const NEED_ONE: Need = { admin: 1, destroy: 1 };
/** Whoever is alone may do everything, alone. */
export const EVERYTHING = { rights: RIGHTS, need: NEED_ONE } as const;

export function grantBody({ name, key, rank, rights, need, device, application }: NewOperator, at: number): GrantBody {
  const note = { ...(device === undefined ? {} : { device }), ...(application === undefined ? {} : { application }) };
  return { type: "grant", key, name, rank, rights, need, ...note, at };
}
