import type { Diagnostic } from "../model/diagnostic.ts";
import type { Fleet } from "../model/fleet.ts";
import { inWords } from "./in-words.ts";
import type { From } from "./provenance.ts";
import { labelsOf, type ServerIndex } from "./server-index.ts";
import type { ServerSet } from "./server-set.ts";

/** What a server's size is called while its labels disagree about it. */
export const UNKNOWN_SIZE = "unknown";

/** - `given`: by the server itself or by its labels · `none`: nobody says · `clash`: labels disagree */
export type ServerSize =
  | { readonly state: "given"; readonly size: string; readonly from: readonly From[] }
  | { readonly state: "none" }
  | { readonly state: "clash"; readonly labels: readonly string[] };

/** The size of every server: its own word, else what its labels agree about. */
export class ServerSizes {
  readonly #fleet: Fleet;
  readonly #index: ServerIndex;
  /** Labels that give a size, by the size. */
  readonly #labels = new Map<string, string[]>();
  #made: { readonly known: ServerSet; readonly torn: ServerSet } | null = null;

  constructor(fleet: Fleet, index: ServerIndex) {
    this.#fleet = fleet;
    this.#index = index;
    for (const { name, size } of fleet.labels.values()) {
      if (size !== null) this.#labels.set(size, [...(this.#labels.get(size) ?? []), name].sort());
    }
  }

  of(place: number): ServerSize {
    const server = this.#index.at(place);
    const from: From = { kind: "server", name: server.name };
    if (server.size !== null) return { state: "given", size: server.size, from: [from] };
    const labels = labelsOf(server).filter((label) => (this.#fleet.labels.get(label)?.size ?? null) !== null);
    const sizes = new Set(labels.map((label) => this.#fleet.labels.get(label)?.size as string));
    const [size] = sizes;
    if (size === undefined) return { state: "none" };
    if (sizes.size > 1) return { state: "clash", labels };
    return { state: "given", size, from: labels.map((name) => ({ kind: "label", name })) };
  }

  /** As a table shows it: null where nobody says. */
  shown(place: number): string | null {
    const found = this.of(place);
    switch (found.state) {
      case "given":
        return found.size;
      case "none":
        return null;
      case "clash":
        return UNKNOWN_SIZE;
    }
  }

  /** Servers whose size is known. */
  get known(): ServerSet {
    const { known } = this.#sets();
    return known;
  }

  problems(): Diagnostic[] {
    const { torn } = this.#sets();
    if (torn.isEmpty) return [];
    const sides = [...this.#labels].flatMap(([size, labels]) =>
      labels.filter((label) => this.#index.labelled(label).meets(torn)).map((label) => ({ label, size })),
    );
    sides.sort((a, b) => (a.label < b.label ? -1 : 1));
    const told = sides.map(({ label, size }) => `${label} (${size})`).join(", ");
    const on = inWords(this.#index.names(torn), "server");
    const message = `labels ${told} disagree about the size of ${on}; it is unknown until the server says`;
    return [{ code: "clash", kind: "label", name: sides[0]?.label ?? "", message }];
  }

  #sets(): { readonly known: ServerSet; readonly torn: ServerSet } {
    if (this.#made !== null) return this.#made;
    const byLabels = this.#index.nobody();
    const torn = this.#index.nobody();
    for (const labels of this.#labels.values()) {
      const set = this.#index.nobody();
      for (const label of labels) set.unite(this.#index.labelled(label));
      torn.unite(byLabels.copy().intersect(set));
      byLabels.unite(set);
    }
    torn.subtract(this.#index.sized);
    this.#made = { known: byLabels.subtract(torn).unite(this.#index.sized), torn };
    return this.#made;
  }
}
