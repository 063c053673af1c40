import { MalformedError } from "../core/encoding.ts";
import type { Standing } from "../core/ports/link.ts";
import { decodeReport, type NodeReport } from "../core/report.ts";
import type { Replica } from "../crdt/replica.ts";

export interface KnownAddress {
  readonly key: string;
  readonly addresses: readonly string[];
}

/** Who is a member and where members listen, read from the replica whenever it is asked. */
export class NodeDirectory {
  readonly #replica: Replica;
  readonly #self: string;
  readonly #bootstrap: ReadonlyMap<string, readonly string[]>;
  #reports: { readonly revision: number; readonly byNode: ReadonlyMap<string, NodeReport> } | null = null;

  constructor(replica: Replica, selfKey: string, bootstrap: readonly KnownAddress[]) {
    this.#replica = replica;
    this.#self = selfKey;
    this.#bootstrap = new Map(bootstrap.map(({ key, addresses }) => [key, addresses]));
  }

  standing(peer: string): Standing {
    switch (this.#replica.view().nodeByKey(peer)?.state) {
      case "active":
        return "member";
      case "cut":
        return "refused";
      // Nobody knows yet which of the redeemers is the member: what a stranger may, both may.
      case "suspended":
        return "stranger";
      case undefined:
        return this.#isEmpty && this.#bootstrap.has(peer) ? "member" : "stranger";
    }
  }

  /**
   * Nothing is known of the mesh: its store was lost. Those who were members when it was last known are asked; what
   * they say counts only if it begins with the genesis that the home names.
   */
  get #isEmpty(): boolean {
    return this.#replica.graph.entries.length === 0;
  }

  /** The other active members, and where they said (or the invitation said) that they listen. */
  members(): KnownAddress[] {
    if (this.#isEmpty) return [...this.#bootstrap].map(([key, addresses]) => ({ key, addresses }));
    const members: KnownAddress[] = [];
    for (const node of this.#replica.view().nodes.values()) {
      if (node.state !== "active" || node.key === this.#self) continue;
      members.push({ key: node.key, addresses: this.addressesOf(node.id, node.key) });
    }
    return members;
  }

  addressesOf(node: string, key: string): readonly string[] {
    const reported = this.reports().get(node)?.addresses ?? [];
    return [...new Set([...reported, ...(this.#bootstrap.get(key) ?? [])])];
  }

  /** What nodes last said about themselves, by node id. */
  reports(): ReadonlyMap<string, NodeReport> {
    const revision = this.#replica.observedRevision;
    if (this.#reports?.revision !== revision) {
      const byNode = new Map<string, NodeReport>();
      for (const [node, observed] of this.#replica.observed) {
        if (observed.state !== "record") continue;
        try {
          byNode.set(node, decodeReport(observed.entry.payload));
        } catch (error) {
          // A report that makes no sense says nothing; whoever wrote it harms only what is shown of itself.
          if (!(error instanceof MalformedError)) throw error;
        }
      }
      this.#reports = { revision, byNode };
    }
    return this.#reports.byNode;
  }
}
