import { MalformedError } from "../core/encoding.ts";
import type { Standing } from "../core/ports/link.ts";
import type { NodeReport } from "../core/report.ts";
import type { ObservedState } from "../crdt/observed.ts";
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
  /** Where nodes listened when {@link moved} was asked. */
  readonly #listened = new Map<string, string>();
  /** The last report of each node that was read; null for those that make no sense. */
  readonly #read = new Map<string, { readonly of: ObservedState; readonly report: NodeReport | null }>();

  constructor(replica: Replica, selfKey: string, bootstrap: readonly KnownAddress[]) {
    this.#replica = replica;
    this.#self = selfKey;
    this.#bootstrap = new Map(bootstrap.map(({ key, addresses }) => [key, addresses]));
  }

  standing(peer: string): Standing {
    switch (this.#replica.view().nodeByKey(peer)?.state) {
      case "active":
        return this.#replica.isShutOut(peer) ? "refused" : "member";
      case "cut":
        return "removed";
      // Nobody knows yet which of the redeemers is the member: what a stranger may, both may.
      case "suspended":
        return "stranger";
      case undefined:
        return this.#bootstrap.has(peer) ? "member" : "stranger";
    }
  }

  /**
   * The other active members, and where they said (or the invitation said) that they listen. A store that was lost, or
   * brought back from an old copy, does not know some who were members when this home last wrote them down: they are
   * asked, too. What they say counts only if it is signed from the genesis on that the home names.
   */
  members(): KnownAddress[] {
    const members: KnownAddress[] = [];
    for (const [key, addresses] of this.#bootstrap) {
      if (key !== this.#self && this.#replica.view().nodeByKey(key) === undefined) members.push({ key, addresses });
    }
    for (const node of this.#replica.view().nodes.values()) {
      if (node.state !== "active" || node.key === this.#self) continue;
      members.push({ key: node.key, addresses: this.addressesOf(node.id, node.key) });
    }
    return members;
  }

  addressesOf(node: string, key: string): readonly string[] {
    const reported = this.report(node)?.addresses ?? [];
    const invited = this.#bootstrap.get(key) ?? [];
    return invited.length === 0 ? reported : [...new Set([...reported, ...invited])];
  }

  /** Other members among these nodes that say that they listen elsewhere than they said when this was asked before. */
  moved(nodes: Iterable<string>): KnownAddress[] {
    const moved: KnownAddress[] = [];
    for (const id of nodes) {
      const addresses = (this.report(id)?.addresses ?? []).join(" ");
      if (this.#listened.get(id) === addresses) continue;
      this.#listened.set(id, addresses);
      const node = this.#replica.view().nodes.get(id);
      if (node?.state !== "active" || node.key === this.#self) continue;
      moved.push({ key: node.key, addresses: this.addressesOf(id, node.key) });
    }
    return moved;
  }

  /** What a node last said about itself. */
  report(node: string): NodeReport | undefined {
    const observed = this.#replica.observed.get(node);
    return (observed && this.#reportIn(node, observed)) ?? undefined;
  }

  /** What nodes last said about themselves, by node id. */
  reports(): ReadonlyMap<string, NodeReport> {
    const revision = this.#replica.observedRevision;
    if (this.#reports?.revision !== revision) {
      const byNode = new Map<string, NodeReport>();
      for (const [node, observed] of this.#replica.observed) {
        const report = this.#reportIn(node, observed);
        if (report !== null) byNode.set(node, report);
      }
      this.#reports = { revision, byNode };
    }
    return this.#reports.byNode;
  }

  #reportIn(node: string, observed: ObservedState): NodeReport | null {
    const known = this.#read.get(node);
    if (known?.of === observed) return known.report;
    const report = this.#readReport(observed);
    this.#read.set(node, { of: observed, report });
    return report;
  }

  /** A report that makes no sense says nothing; whoever wrote it harms only what is shown of itself. */
  #readReport(observed: ObservedState): NodeReport | null {
    if (observed.state !== "record") return null;
    try {
      return this.#replica.reader.report(observed.entry);
    } catch (error) {
      if (error instanceof MalformedError) return null;
      throw error;
    }
  }
}
