import type { Fleet } from "../model/fleet.ts";
import { type Grant, grantsOf } from "../policy/grants.ts";
import type { From } from "./provenance.ts";
import { labelsOf, type ServerIndex } from "./server-index.ts";

/** A secret that a server may read, and what lets it. */
export interface AppliedSecret {
  readonly path: string;
  /** - `read`: the value that all its consumers have · `dynamic`: one that is made for this machine alone */
  readonly access: "read" | "dynamic";
  readonly from: readonly From[];
}

/** Which secrets come from where: through labels and the classes that they carry, by nothing else. */
export class ServerSecrets {
  readonly #fleet: Fleet;
  readonly #index: ServerIndex;
  readonly #grants = new Map<string, readonly Grant[]>();

  constructor(fleet: Fleet, index: ServerIndex) {
    this.#fleet = fleet;
    this.#index = index;
  }

  /** By path. A name that is contested, or whose owner's standing is in question, gives nobody anything. */
  of(place: number): readonly AppliedSecret[] {
    const server = this.#index.at(place);
    if (server.standing === "contested" || server.standing === "suspended") return [];
    const from = new Map<string, From[]>();
    for (const label of labelsOf(server)) {
      for (const { path, puppetClass } of this.grants(label)) {
        const known = from.get(path) ?? [];
        from.set(path, known);
        if (!known.some(({ kind, name }) => kind === "label" && name === label))
          known.push({ kind: "label", name: label });
        if (puppetClass !== null) known.push({ kind: "class", name: puppetClass, label });
      }
    }
    return Array.from(from, ([path, parts]) => ({ path, access: this.accessTo(path), from: distinct(parts) })).sort(
      (a, b) => (a.path < b.path ? -1 : 1),
    );
  }

  /** Of a label that nothing describes: none. */
  grants(label: string): readonly Grant[] {
    let found = this.#grants.get(label);
    if (found === undefined) {
      const declared = this.#fleet.labels.get(label);
      found = declared === undefined ? [] : grantsOf(declared, (name) => this.#fleet.scans.get(name));
      this.#grants.set(label, found);
    }
    return found;
  }

  accessTo(path: string): AppliedSecret["access"] {
    return this.#fleet.secrets.get(path)?.perMachine ? "dynamic" : "read";
  }
}

function distinct(parts: readonly From[]): From[] {
  const seen = new Set<string>();
  return parts.filter(({ kind, name, label }) => {
    const key = `${kind} ${name} ${label ?? ""}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
