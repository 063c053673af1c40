import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { Path } from "./documents.ts";
import { offsetOf, sourceOf } from "./plain.ts";

/** The offset of the value at a path, or of the nearest that is there: what is missing has no place. */
export function offsetAt(contents: Node | null, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = nodeAt(contents, path.slice(0, length));
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** The offset of the key that ends a path; of its value where it is an item of a list. */
export function keyOffsetAt(contents: Node | null, path: Path): number {
  const parent = nodeAt(contents, path.slice(0, -1));
  const pair = isMap(parent) ? pairOf(parent, String(path.at(-1))) : undefined;
  return pair === undefined ? offsetAt(contents, path) : offsetOf(pair.key);
}

/** The offsets of all keys of a map that stands in the root. */
export function keyOffsets(contents: Node | null, name: string): ReadonlyMap<string, number> {
  const map = nodeAt(contents, [name]);
  const pairs = isMap(map) ? map.items : [];
  // Of a key that stands twice the first is meant, so it is put in last.
  return new Map(pairs.toReversed().map(({ key }) => [isScalar(key) ? sourceOf(key) : "", offsetOf(key)]));
}

/** The text of the scalar at a path as it is written; null where something else stands. */
export function sourceAt(contents: Node | null, path: Path): string | null {
  const node = nodeAt(contents, path);
  return isScalar(node) ? sourceOf(node) : null;
}

/** An alias stands for all that is in what it repeats. */
function nodeAt(contents: Node | null, path: Path): unknown {
  let node: unknown = contents;
  for (const part of path) {
    if (isMap(node)) node = pairOf(node, String(part))?.value;
    else if (isSeq(node)) node = node.items[Number(part)];
    // Where a list of one is written without brackets, its item stands in the place of the list.
    else if (!isAlias(node) && part !== 0) return undefined;
  }
  return node;
}

function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find(({ key }) => isScalar(key) && sourceOf(key) === name);
}
