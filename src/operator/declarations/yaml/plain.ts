import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import type { Fault, Path } from "./documents.ts";

/** Values that aliases may repeat in one document; a "billion laughs" has 10⁹ in a kilobyte. */
const MOST_REPEATED = 10_000;

interface Converted {
  readonly value: unknown;
  /** Of values in it, each counted as often as it would be written out. */
  readonly size: number;
}

/**
 * Plain data from a document's nodes, in one pass. Tells what plain data would lose: keys that stand twice, that are no
 * text, that every object has; aliases of nothing, of themselves, of more than anybody writes.
 */
export function toPlain(contents: Node | null, tell: (fault: Fault) => void): unknown {
  return new Conversion(tell).convert(contents, []).value;
}

const NULL: Converted = { value: null, size: 1 };

class Conversion {
  readonly #tell: (fault: Fault) => void;
  /** By anchor, the latest above; `open` while it is being read. */
  readonly #anchors = new Map<string, Converted | "open">();
  #repeated = 0;

  constructor(tell: (fault: Fault) => void) {
    this.#tell = tell;
  }

  convert(node: unknown, path: Path): Converted {
    if (isAlias(node)) return this.#alias(node, path);
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return NULL;
    const { anchor } = node;
    if (anchor !== undefined) this.#anchors.set(anchor, "open");
    const converted = isScalar(node)
      ? this.#scalar(node, path)
      : isMap(node)
        ? this.#map(node, path)
        : this.#list(node, path);
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #scalar(node: Scalar, path: Path): Converted {
    const { value } = node;
    if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) {
      this.#fault(node, path, `${sourceOf(node)} is a number that cannot be kept`);
    } else if (typeof value === "object" && value !== null) {
      this.#fault(node, path, "is neither text, number, true, false nor null");
    }
    return { value, size: 1 };
  }

  #list({ items }: YAMLSeq, path: Path): Converted {
    const converted = items.map((item, i) => this.convert(item, [...path, i]));
    return { value: converted.map(({ value }) => value), size: sizeOf(converted) };
  }

  #map({ items }: YAMLMap, path: Path): Converted {
    const members = new Map<string, Converted>();
    const places = new Map<string, number>();
    for (const { key, value } of items) {
      const name = this.#key(key, path);
      if (name === null) continue;
      const converted = this.convert(value, [...path, name]);
      const first = places.get(name);
      if (first === undefined) {
        places.set(name, offsetOf(key));
        members.set(name, converted);
      } else this.#tell({ offset: offsetOf(key), path: [...path, name], what: "stands here twice", first });
    }
    const value = Object.fromEntries([...members].map(([name, member]) => [name, member.value]));
    return { value, size: sizeOf([...members.values()]) };
  }

  /** As it is written: `1e3` and `007` are names, not numbers. */
  #key(key: unknown, path: Path): string | null {
    const name = isScalar(key) ? sourceOf(key) : null;
    if (name === null || name === "") this.#fault(key, path, "has a key that is no text");
    else if (name === "__proto__") this.#fault(key, [...path, name], "is not a name");
    else if (name === "<<" && isScalar(key) && key.type === "PLAIN") {
      this.#fault(key, [...path, name], "is a merge of YAML 1.1, which is not read: write out what it stands for");
    } else return name;
    return null;
  }

  #alias(node: Alias, path: Path): Converted {
    const target = this.#anchors.get(node.source);
    if (target === undefined) this.#fault(node, path, `*${node.source} is an alias of nothing above it`);
    else if (target === "open") this.#fault(node, path, `*${node.source} is an alias of what it stands in`);
    if (target === undefined || target === "open") return NULL;
    const before = this.#repeated;
    this.#repeated += target.size;
    if (this.#repeated <= MOST_REPEATED) return target;
    if (before <= MOST_REPEATED) this.#fault(node, path, `aliases repeat more than ${MOST_REPEATED} values by here`);
    return NULL;
  }

  #fault(node: unknown, path: Path, what: string): void {
    this.#tell({ offset: offsetOf(node), path, what });
  }
}

function sizeOf(members: readonly Converted[]): number {
  return members.reduce((sum, { size }) => sum + size, 1);
}

/** The text of a scalar as it stands in the file, without quotes. */
export function sourceOf({ value, source }: Scalar): string {
  return typeof value === "string" ? value : (source ?? String(value));
}

export function offsetOf(node: unknown): number {
  return (node as Partial<Node> | null)?.range?.[0] ?? 0;
}
