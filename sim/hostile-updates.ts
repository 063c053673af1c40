import { ascii, concat } from "../src/core/bytes.ts";
import type { Hlc } from "../src/core/hlc.ts";
import type { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";

/*
 * Yjs updates, format V1, that no honest writer makes. Written here from the format's description, without the shipped
 * codec: what hides a mistake there must not hide it here.
 */

const ROOT = "lab";
const FIRST = 0x28;
const NEXT = 0xa8;
const HUGE = 2 ** 52;

function varUint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 | (rest % 128));
  return Uint8Array.from([...bytes, rest]);
}

function text(value: string): Uint8Array {
  return concat(varUint(value.length), ascii(value));
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = 123;
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

function smallInteger(value: number): Uint8Array {
  return Uint8Array.of(125, value & 63);
}

/** `{v: true, t: [ms, count]}` */
function value({ ms, count }: Hlc, name = "v"): Uint8Array {
  const time = concat(text("t"), Uint8Array.of(117, 2), float64(ms), smallInteger(count));
  return concat(Uint8Array.of(118, 2), text(name), Uint8Array.of(120), time);
}

interface Update {
  readonly blocks?: number;
  readonly structs?: number;
  readonly client: number;
  readonly clock: number;
  readonly body: readonly Uint8Array[];
  /** Client, and ranges of clock and length. */
  readonly deleted?: readonly [client: number, ranges: readonly (readonly [clock: number, length: number])[]];
  readonly tail?: Uint8Array;
}

function update({ blocks = 1, structs, client, clock, body, deleted, tail }: Update): Uint8Array {
  const ranges = deleted?.[1].flatMap(([from, length]) => [varUint(from), varUint(length)]) ?? [];
  return concat(
    varUint(blocks),
    varUint(structs ?? body.length),
    varUint(client),
    varUint(clock),
    ...body,
    ...(deleted === undefined
      ? [varUint(0)]
      : [varUint(1), varUint(deleted[0]), varUint(deleted[1].length), ...ranges]),
    tail ?? new Uint8Array(0),
  );
}

/**
 * Updates after `document`, which has one path, each wrong in one way. What they would do, if anybody let them, is to
 * write `path`.
 */
export function hostileUpdates(document: DocumentCursor, hlc: Hlc, path: string): Uint8Array[] {
  const { client, next } = document;
  const [[known, origin] = [path, 0]] = document.places();
  const place = { client, clock: next };
  const item = (info: number, head: readonly Uint8Array[], content = value(hlc)): Uint8Array =>
    concat(Uint8Array.of(info), ...head, varUint(1), content);
  const first = (key: string, root = ROOT, content = value(hlc)): Uint8Array =>
    item(FIRST, [varUint(1), text(root), text(key)], content);
  const after = (writer: number, clock: number): Uint8Array => item(NEXT, [varUint(writer), varUint(clock)]);
  const overwritten = [client, [[origin, 1]]] as const;
  return [
    // Another client: the higher one would win every later set.
    update({ client: 0xffffffff, clock: next, body: [first(path)] }),
    // A gap: the structs would stay pending for ever.
    update({ client, clock: next + 5, body: [first(path)] }),
    update({ client, clock: HUGE, body: [first(path)] }),
    // Origins: another client's item, an item that is no current value, the item itself, one to come.
    update({ ...place, body: [after(client + 1, origin)], deleted: overwritten }),
    update({ ...place, body: [after(client, origin + 7)], deleted: [client, [[origin + 7, 1]]] }),
    update({ ...place, body: [after(client, next)], deleted: [client, [[next, 1]]] }),
    // A path that has a value, as if it had none: the walk to its end is quadratic in the long run.
    update({ ...place, body: [first(known)] }),
    // Delete sets: too much, too little, another client's.
    update({ ...place, body: [after(client, origin)], deleted: [client, [[0, HUGE]]] }),
    update({ ...place, body: [after(client, origin)] }),
    update({ ...place, body: [first(path)], deleted: overwritten }),
    update({ ...place, body: [after(client, origin)], deleted: [client + 1, [[origin, 1]]] }),
    // Counts that make a reader allocate.
    update({ ...place, structs: 32_000_000, body: [first(path)] }),
    update({ ...place, structs: 0, body: [] }),
    update({ ...place, blocks: 2, body: [first(path)] }),
    // Structs that jump over clocks: garbage collected, skipped, deleted content.
    update({ ...place, body: [concat(Uint8Array.of(0), varUint(HUGE))] }),
    update({ ...place, body: [concat(Uint8Array.of(10), varUint(HUGE))] }),
    update({ ...place, body: [concat(Uint8Array.of(0x21), varUint(1), text(ROOT), text(path), varUint(HUGE))] }),
    // A right neighbour.
    update({ ...place, body: [item(0x68, [varUint(client), varUint(origin)])], deleted: overwritten }),
    // Another root, no path, one path twice.
    update({ ...place, body: [first(path, "other")] }),
    update({ ...place, body: [first("../../etc")] }),
    update({ ...place, body: [first(path), first(path)] }),
    // Values: back-dated, with a prototype, not of the shape.
    update({ ...place, body: [first(path, ROOT, value({ ms: hlc.ms - 86_400_000, count: 0 }))] }),
    update({ ...place, body: [first(path, ROOT, value(hlc, "__proto__"))] }),
    update({ ...place, body: [first(path, ROOT, Uint8Array.of(120))] }),
    // More after the end.
    update({ ...place, body: [first(path)], tail: Uint8Array.of(0) }),
  ];
}
