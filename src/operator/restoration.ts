import { toHex } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { KnownBody } from "../crdt/authority/bodies.ts";
import { type OperatorLog } from "../crdt/authority/resolve.ts";
import { positionIn } from "../crdt/compose.ts";
import type { Entry } from "../crdt/entry/entry.ts";
import { keepsOf } from "../crdt/keeps.ts";
import type { Replica } from "../crdt/replica.ts";
import { enrolBody, grantBody, type NewNode, type NewOperator, roleBody, signActs } from "./authority.ts";
import { describeBody } from "./describe.ts";
import type { OperatorSigner } from "./signer.ts";

/** What makes a mesh live again on a machine that was never its member. */
export interface Restoration {
  readonly signer: OperatorSigner;
  /** The recovery code signs: it cuts keys that are lost, and lets in one that was made on this device. */
  readonly replacement: null | { readonly lost: readonly string[]; readonly by: NewOperator };
  readonly node: NewNode;
  readonly roles: readonly string[];
  /** Hex of the keys of machines that are gone. */
  readonly gone: readonly string[];
  readonly nowMs: number;
}

export interface Restored {
  /** What was signed, in its order. */
  readonly entries: readonly Entry[];
  readonly lines: readonly string[];
  /** Hex of the new machine's log. */
  readonly node: string;
}

/**
 * Signs what is needed and adds it to the replica, which knows everything that is left of the mesh. Only acts of
 * authority, which may lie beside others that nobody here has seen: a ledger could fork, so none is written.
 * Throws `NotAuthorised` for a key that may not do this, or not alone.
 */
export async function signRestoration(keys: Keys, replica: Replica, wish: Restoration): Promise<Restored> {
  const entries: Entry[] = [];
  const lines: string[] = [];
  const nameOf = (id: string) => replica.view().nodes.get(id)?.name ?? id.slice(0, 12);
  const say = async (who: string, log: string, signer: OperatorSigner, body: KnownBody): Promise<Entry> => {
    const logHash = replica.graph.find(log)?.entry.hash ?? (Buffer.from(log, "hex") as Uint8Array);
    const position = positionIn(replica.graph, replica.mesh, new Uint8Array(logHash));
    const [act] = await signActs(keys, signer, position, [body]);
    const [answer] = act === undefined ? [] : await replica.admit([act.entry.bytes], "local");
    if (act === undefined || answer?.state !== "admitted") throw new Error(`an own act is ${answer?.reason}`);
    entries.push(act.entry);
    lines.push(`signing as ${who}: ${describeBody(act.body, nameOf)}`);
    return act.entry;
  };
  const cut = (key: string, reason: string): KnownBody => {
    const keeps = keepsOf({ graph: replica.graph, ledgers: replica.fold.ledgers }, key);
    return { type: "cut", key: new Uint8Array(Buffer.from(key, "hex")), keeps, reason, at: wish.nowMs };
  };
  const own = requireAdmin(replica, wish.signer.publicKey);
  const who = own.rank === 0 ? "root" : own.name;
  const sign = (body: KnownBody): Promise<Entry> => say(who, own.log, wish.signer, body);
  const { replacement } = wish;
  for (const key of replacement?.lost ?? []) await sign(cut(key, "its machine is gone"));
  if (replacement !== null) await sign(grantBody(replacement.by, wish.nowMs));
  for (const key of wish.gone) await sign(cut(key, "the machine is gone"));
  const enrolled = await sign(enrolBody(replica.mesh, wish.node, wish.nowMs));
  for (const label of wish.roles) await sign(roleBody(enrolled.hash, label, wish.nowMs));
  const node = replica.view().nodes.get(enrolled.id);
  if (node?.state !== "active" || wish.roles.some((label) => !node.roles.has(label))) {
    throw new LabError("NotAuthorised", `the key of ${own.name} cannot do this alone`, {
      notes: ["acts of this mesh need several operators"],
      hint: "with the recovery code it needs nobody else: --code FILE",
    });
  }
  return { entries, lines, node: enrolled.id };
}

/** The most powerful live log of a key that may administer. */
export function adminLog(replica: Replica, publicKey: Uint8Array): OperatorLog | undefined {
  const key = toHex(publicKey);
  return [...replica.authority.operators.values()]
    .filter((log) => log.key === key && log.state === "live" && log.rights.has("admin"))
    .sort((a, b) => a.rank - b.rank)[0];
}

function requireAdmin(replica: Replica, publicKey: Uint8Array): OperatorLog {
  const log = adminLog(replica, publicKey);
  if (log !== undefined) return log;
  throw new LabError("NotAuthorised", "this key may not administer the mesh of the backup", {
    hint: "with the recovery code: --code FILE",
  });
}
