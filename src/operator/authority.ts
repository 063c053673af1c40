import { MalformedError } from "../core/encoding.ts";
import { joinMessage } from "../core/enrolment.ts";
import type { Keys, Signer } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import { composeAuthority, composeGenesis } from "../crdt/compose.ts";
import {
  decodeBody,
  type EnrolBody,
  type GenesisBody,
  type GrantBody,
  type KnownBody,
  RIGHTS,
  type RoleBody,
  type UnroleBody,
} from "../crdt/authority/bodies.ts";
import { genesisLog } from "../crdt/authority/identifiers.ts";
import {
  type AuthorityHeader,
  carriesValidSignature,
  decodeEntry,
  type Entry,
  isAuthority,
} from "../crdt/entry/entry.ts";

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

/** Signs acts one after the other, each with the one before as its parent. */
export function signActs(keys: Keys, signer: Signer, position: ActPosition, bodies: readonly KnownBody[]): SignedAct[] {
  let { parents } = position;
  return bodies.map((body) => {
    const signed = readBack(keys, composeAuthority(keys, { ...position, parents }, body, signer).bytes);
    parents = [signed.entry.hash];
    return signed;
  });
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

export interface Founding {
  readonly meshName: string;
  readonly founder: { readonly name: string; readonly signer: Signer };
  /** Root and recovery recipient of the recovery code; without one the founder's key is root. */
  readonly recovery: { readonly root: Signer; readonly recipient: string } | null;
  readonly node: NewNode;
  /** Role labels of the first node. */
  readonly roles: readonly string[];
  readonly nowMs: number;
}

export interface FoundedMesh {
  readonly mesh: Uint8Array;
  /** The founder's log: authority and desired state. */
  readonly log: Uint8Array;
  readonly genesis: Entry<AuthorityHeader>;
  /** What the founder signed after it. */
  readonly acts: readonly SignedAct[];
}

/** Genesis, the first machine, and its roles (`trust.md` §10). */
export function foundMesh(keys: Keys, random: Random, founding: Founding): FoundedMesh {
  const { founder, recovery, node, roles, nowMs } = founding;
  const root = recovery?.root ?? founder.signer;
  const body: GenesisBody = {
    type: "genesis",
    name: founding.meshName,
    root: { keys: [root.publicKey], k: 1 },
    founders: [{ key: founder.signer.publicKey, name: founder.name, rights: RIGHTS, need: { admin: 1, destroy: 1 } }],
    recovery: recovery?.recipient ?? null,
    nonce: random.bytes(32),
    at: nowMs,
  };
  const genesis = composeGenesis(keys, body, recovery === null ? [founder.signer] : [root, founder.signer]);
  const mesh = genesis.hash;
  const log = genesisLog(keys, mesh, founder.signer.publicKey);
  const enrol = signActs(keys, founder.signer, { mesh, log, parents: [mesh] }, [enrolBody(mesh, node, nowMs)]);
  const parents = enrol.map(({ entry }) => entry.hash);
  const [id = mesh] = parents;
  const grants = signActs(
    keys,
    founder.signer,
    { mesh, log, parents },
    roles.map((label) => roleBody(id, label, nowMs)),
  );
  return { mesh, log, genesis, acts: [...enrol, ...grants] };
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
}

/**
 * Takes a role label away. Names the end of every role log, because what is not named is void: the machines that a
 * coordinator let in would leave with it.
 */
export function unroleBody(
  node: Uint8Array,
  label: string,
  ends: readonly RoleLogEnd[],
  at: number,
  reason?: string,
): UnroleBody {
  const keeps = ends.map(({ log, tips }) => ({ log, a: tips.length === 0 ? null : tips, l: null }));
  return { type: "unrole", node, label, keeps, ...(reason === undefined ? {} : { reason }), at };
}

/** A second operator's key, one rank below the one that grants. */
export function grantBody(operator: { key: Uint8Array; name: string }, rank: number, at: number): GrantBody {
  return { type: "grant", ...operator, rank, rights: RIGHTS, need: { admin: 1, destroy: 1 }, at };
}
