import { type Entry, CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import type { Replica } from "../../src/crdt/replica.ts";
import { Authority } from "./authority.ts";
import { type Act, type Link, readEntry } from "./decode.ts";
import { Ledgers } from "./ledgers.ts";

/** What a set of entries means by the pages of the protocol. */
export interface Reference {
  readonly authority: Authority;
  readonly ledgers: Ledgers;
}

/** Sets of entries that differ are folded anew; those of the last few moments are asked about again and again. */
const REMEMBERED = 64;

/**
 * Every entry that any machine of a world ever took, as bytes, read once and anew: of what an agent makes of an entry
 * only its id is used, to ask what it knows.
 */
export class Archive {
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #acts = new Map<string, Act>();
  readonly #links = new Map<string, Link>();
  readonly #references = new Map<string, Reference>();

  note(entries: readonly Entry[]): void {
    for (const { id, bytes, header } of entries) {
      const isRead = header.kind === "authority" || (header.kind === "chain" && header.class === CLASS_DESIRED);
      if (isRead && !this.#bytes.has(id)) this.#bytes.set(id, bytes);
    }
  }

  /** What all that this replica has means. */
  referenceOf(replica: Replica): Reference {
    const chains = [...replica.chains.values()].filter((chain) => chain.class === CLASS_DESIRED);
    this.note(replica.graph.entries.map(({ entry }) => entry));
    for (const chain of chains) this.note([...chain.links()].map(({ entry }) => entry));
    const tips = [replica.graph.tips, ...chains.map((chain) => chain.tips)].flat().map(({ entry }) => entry.id);
    const known = tips.sort().join();
    let reference = this.#references.get(known);
    if (reference === undefined) {
      reference = this.#fold(replica, tips);
      if (this.#references.size >= REMEMBERED) this.#references.clear();
      this.#references.set(known, reference);
    }
    return reference;
  }

  #fold(replica: Replica, tips: readonly string[]): Reference {
    const acts = replica.graph.entries.map(({ entry }) => this.#act(entry.id));
    const links = new Map<string, Link>();
    for (const tip of tips) {
      if (replica.graph.find(tip) !== undefined) continue;
      for (let at: string | null = tip; at !== null && !links.has(at); ) {
        const link: Link = this.#link(at);
        links.set(at, link);
        at = link.prev;
      }
    }
    const authority = new Authority(acts);
    return { authority, ledgers: new Ledgers(authority, covered(links)) };
  }

  #act(id: string): Act {
    return recall(this.#acts, id, () => this.#read(id, "authority") as Act);
  }

  #link(id: string): Link {
    return recall(this.#links, id, () => this.#read(id, "chain") as Link);
  }

  #read(id: string, kind: string): Act | Link {
    const bytes = this.#bytes.get(id);
    if (bytes === undefined) throw new Error(`nobody ever took ${id}`);
    const entry = readEntry(bytes);
    if (entry.id !== id || entry.kind !== kind) throw new Error(`${id} is another entry than its id says`);
    return entry as Act | Link;
  }
}

/** Links that carry a good signature, or that one behind them covers. */
function covered(links: ReadonlyMap<string, Link>): Link[] {
  const found = new Set<Link>();
  for (const link of links.values()) {
    if (!link.isSigned) continue;
    for (let at: Link | undefined = link; at !== undefined && !found.has(at); ) {
      found.add(at);
      at = at.prev === null ? undefined : links.get(at.prev);
    }
  }
  return [...found];
}

function recall<T>(from: Map<string, T>, id: string, read: () => T): T {
  let known = from.get(id);
  if (known === undefined) {
    known = read();
    from.set(id, known);
  }
  return known;
}
