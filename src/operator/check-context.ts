import { LabError } from "../core/errors.ts";
import type { Authority } from "../crdt/authority/resolve.ts";
import type { KnownAuthority } from "./known-authority.ts";
import type { OperatorContext } from "./requests.ts";

/**
 * Holds what an agent says of names, keys and roles against the entries that say so: an agent that lies could else
 * have its operator label, cut or seal to the wrong machine. With `behind` the agent is known to lack entries, and
 * answers about a state that has passed. Throws `PeerContradicted`.
 */
export function checkContext(context: OperatorContext, known: KnownAuthority, behind: boolean): void {
  const { authority } = known;
  const peer = context.meta.peer;
  for (const [name, subject] of Object.entries(context.servers)) {
    if (subject === null) {
      if (!behind) requireNobody(authority, name, peer);
      continue;
    }
    const node = authority.nodes.get(subject.id);
    const isSame = node?.name === name && node.key === subject.key && node.naming === "owned";
    if (!isSame || (!behind && node.state !== subject.state)) throw contradicted(peer, `which machine ${name} is`);
  }
  for (const store of context.stores) {
    const holds = [...authority.nodes.values()].some(
      ({ name, key, seal, roles }) =>
        name === store.name && key === store.key && seal === store.seal && (behind || roles.has("secret-store")),
    );
    if (!holds) throw contradicted(peer, `the secret store ${store.name}`);
  }
  for (const { name, id, key, roleLog } of context.coordinators) {
    const [node, log] = [authority.nodes.get(id), authority.roleLogs.get(roleLog)];
    const isHolder = node?.name === name && node.key === key && log?.node === id && log.label === "coordinator";
    if (!isHolder || (!behind && log.state !== "live")) throw contradicted(peer, `the coordinator ${name}`);
  }
  const genesis = known.graph.entries[0]?.body;
  if (genesis?.type !== "genesis" || genesis.recovery !== context.recovery) {
    throw contradicted(peer, "what secrets are sealed to for recovery");
  }
}

function requireNobody({ nodes }: Authority, name: string, peer: string): void {
  const owner = [...nodes.values()].find((node) => node.name === name && node.naming === "owned");
  if (owner !== undefined) throw contradicted(peer, `whether there is a server ${name}`);
}

function contradicted(peer: string, about: string): LabError {
  return new LabError("PeerContradicted", `${peer} says something else than the signed entries about ${about}`, {
    notes: ["nothing was signed"],
    hint: "ask another peer with --peer NAME, and find out what is wrong with this one",
  });
}
