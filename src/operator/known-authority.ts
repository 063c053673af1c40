import { toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { PendingAct } from "../core/voids.ts";
import { AuthorityGraph } from "../crdt/authority/graph.ts";
import { type Authority, resolve } from "../crdt/authority/resolve.ts";
import { positionIn } from "../crdt/compose.ts";
import { decodeEntry, isAuthority } from "../crdt/entry/entry.ts";
import { authorityDigest } from "../crdt/authority-digest.ts";
import { listPending } from "../crdt/voids.ts";
import { KnownEntries } from "./files/known-entries.ts";

/**
 * Who may do what, as this operator's own command line has checked it from the genesis entry on: the mesh id in the
 * key file is the hash of that. An agent brings entries and no conclusions; it can hold entries back, and no more.
 */
export class KnownAuthority {
  readonly graph: AuthorityGraph;
  readonly #keys: Keys;
  readonly #mesh: Uint8Array;
  readonly #store: KnownEntries;
  #authority: Authority | null = null;
  /** - `trusting`: entries come from the own file, which holds only what was checked */
  #source: "trusting" | "checking" = "checking";

  constructor(keys: Keys, dir: string, mesh: Uint8Array) {
    this.#keys = keys;
    this.#mesh = mesh;
    this.#store = new KnownEntries(keys, dir);
    this.graph = new AuthorityGraph(
      {
        ...keys,
        verify: (key, message, signature) => this.#source === "trusting" || keys.verify(key, message, signature),
        isSafeKey: (key) => this.#source === "trusting" || keys.isSafeKey(key),
      },
      mesh,
    );
    this.#source = "trusting";
    try {
      this.#store.read((bytes) => this.#add(bytes) === "known");
    } finally {
      this.#source = "checking";
    }
  }

  get authority(): Authority {
    this.#authority ??= resolve(this.graph, this.#keys);
    return this.#authority;
  }

  /** Hex of the entries that no other builds on. */
  get tips(): readonly string[] {
    return this.graph.tips.map(({ entry }) => entry.id);
  }

  /** Digest of {@link tips}: the `seen` of what is written next. */
  get seen(): string {
    return toHex(authorityDigest(this.#keys, this.graph));
  }

  /** Parents of the next entry of a log: everything that is known. */
  parentsFor(log: Uint8Array): readonly Uint8Array[] {
    return positionIn(this.graph, this.#mesh, log).parents;
  }

  /** What nothing but approvals is missing to. */
  pending(): readonly PendingAct[] {
    return listPending(this);
  }

  /** Checks entries, which come after what they build on, and keeps them. Throws `PeerFailed` for a false one. */
  learn(entries: readonly Uint8Array[], peer: string): void {
    const fresh: Uint8Array[] = [];
    for (const bytes of entries) {
      const answer = this.#add(bytes);
      if (answer === "fresh") fresh.push(bytes);
      else if (answer !== "known") throw falseEntry(peer, answer.reason);
    }
    this.#store.append(fresh);
  }

  /** The same for what this key signed; what builds on entries that are not here waits until they are. */
  learnOwn(entries: readonly Uint8Array[]): void {
    this.#store.append(entries.filter((bytes) => this.#add(bytes) === "fresh"));
  }

  #add(bytes: Uint8Array): "fresh" | "known" | { readonly reason: string } {
    try {
      const entry = decodeEntry(this.#keys, bytes);
      if (!isAuthority(entry)) return { reason: "not an authority entry" };
      const answer = this.graph.add(entry);
      this.#authority = null;
      switch (answer.state) {
        case "admitted":
          return this.#source === "trusting" ? "known" : "fresh";
        case "known":
          return "known";
        case "waiting":
          return { reason: "it builds on an entry that did not come" };
        case "refused":
          return { reason: answer.reason };
      }
    } catch (error) {
      if (error instanceof MalformedError) return { reason: error.message };
      throw error;
    }
  }
}

function falseEntry(peer: string, reason: string): LabError {
  return new LabError("PeerContradicted", `${peer} gave an entry that does not hold: ${reason}`, {
    notes: ["nothing was signed"],
    hint: "ask another peer with --peer NAME, and find out what is wrong with this one",
  });
}
