import { createHash, createPublicKey, verify } from "node:crypto";

/*
 * What an entry says, read by the pages of docs/protocol alone. Nothing here comes from the code that is judged by it.
 * Hashes and all other bytes are hex. Throws for what is not to be read: whoever has such an entry has a fault.
 */

interface Head {
  /** Hash of the entry. */
  readonly id: string;
  readonly key: string;
  readonly log: string;
  /** Whether one of its signatures is good. */
  readonly isSigned: boolean;
}

export interface Act extends Head {
  readonly kind: "authority";
  readonly parents: readonly string[];
  readonly type: string;
  readonly body: Body;
}

export interface Link extends Head {
  readonly kind: "chain";
  readonly class: number;
  readonly seq: number;
  /** Null in the first. */
  readonly prev: string | null;
  readonly hlc: readonly [ms: number, count: number];
  readonly more: number;
  /** Of class 1. */
  readonly items: readonly Item[];
}

export interface Report extends Head {
  readonly kind: "observed";
  readonly seq: number;
}

export type Read = Act | Link | Report;

/** Members of all types of bodies that this reads; each type has some of them. */
export interface Body {
  readonly key: string;
  readonly root: { readonly keys: readonly string[]; readonly k: number };
  readonly founders: readonly Body[];
  readonly rank: number;
  readonly rights: readonly string[];
  readonly need: { readonly admin: number };
  readonly keeps: readonly Keep[];
  readonly entry: string;
  readonly node: string;
  readonly label: string;
  readonly token: string;
  readonly issuer: string;
  readonly roles: readonly string[];
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly pins: readonly Pin[];
}

export interface Keep {
  readonly log: string;
  readonly a: readonly string[] | null;
  readonly l: Omit<Pin, "log"> | null;
}

export interface Pin {
  readonly log: string;
  readonly seq: number;
  readonly hash: string;
}

export interface Item {
  readonly clock: number;
  /** The path, or the clock of an item that names it. */
  readonly at: string | number;
  /** Undefined removes. */
  readonly value: unknown;
  readonly over: readonly string[];
}

const KINDS = ["", "authority", "chain", "observed"] as const;
const ZEROS = "0".repeat(64);

export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

export function unhex(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

/** Entries, page "The signed part". */
export function readEntry(bytes: Uint8Array): Read {
  const input = new Input(bytes);
  if (input.uint(1) !== 1) throw new Error("another version");
  const kind = KINDS[input.uint(1)];
  input.hex(32);
  const [key, log] = [input.hex(32), input.hex(32)];
  let header: object;
  if (kind === "authority") {
    const parents = Array.from({ length: input.uint(1) }, () => input.hex(32));
    header = { parents, type: input.text(input.uint(1)) };
  } else if (kind === "chain") {
    const [chainClass, seq, prev] = [input.uint(1), input.uint(8), input.hex(32)];
    const hlc = [input.uint(8), input.uint(4)];
    input.hex(32);
    header = { class: chainClass, seq, prev: prev === ZEROS ? null : prev, hlc, more: input.uint(2) };
  } else if (kind === "observed") header = { seq: input.uint(8), hlc: [input.uint(8), input.uint(4)] };
  else throw new Error("another kind");
  const payload = input.bytes(input.uint(4));
  const signed = bytes.subarray(0, input.at);
  const signatures = Array.from({ length: input.uint(1) }, () => ({
    scheme: input.uint(1),
    bytes: input.bytes(input.uint(2)),
  }));
  const message = Buffer.concat([Buffer.from(`lab/1/sign-${kind}\0`), signed]);
  // Operators of a world sign with keys in files: scheme 1.
  const isSigned = signatures.some(({ scheme, bytes: signature }) => scheme === 1 && isBy(key, message, signature));
  const head = { kind, id: sha256("lab/1/entry\0", signed), key, log, isSigned, ...header };
  if (kind === "authority") return { ...head, body: readCbor(new Input(payload)) as Body } as Act;
  const items = kind === "chain" && (head as unknown as Link).class === 1 ? readUpdate(new Input(payload)) : [];
  return { ...head, items } as unknown as Link | Report;
}

/** DER of an Ed25519 public key, up to the key. */
const SPKI = "302a300506032b6570032100";

function isBy(key: string, message: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: unhex(SPKI + key), format: "der", type: "spki" });
  return verify(null, message, publicKey, signature);
}

class Input {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bytes(length: number): Uint8Array {
    const found = this.#bytes.subarray(this.at, this.at + length);
    if (found.length !== length) throw new Error("cut short");
    this.at += length;
    return found;
  }

  hex(length: number): string {
    return Buffer.from(this.bytes(length)).toString("hex");
  }

  text(length: number): string {
    return Buffer.from(this.bytes(length)).toString("utf8");
  }

  /** Big-endian. */
  uint(length: number): number {
    return this.bytes(length).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Seven bits a byte, low first; `first` bits of a first byte that holds other things as well. */
  varUint(value = 0, scale = 1): number {
    for (;;) {
      const byte = this.uint(1);
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) return value;
    }
  }

  view(length: number): DataView {
    const bytes = this.bytes(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }
}

/** Encoding: CBOR of definite lengths. */
function readCbor(input: Input): unknown {
  const first = input.uint(1);
  const [major, short] = [first >> 5, first & 31];
  if (major === 7) {
    if (short === 25) return half(input.uint(2));
    if (short === 26) return input.view(4).getFloat32(0);
    if (short === 27) return input.view(8).getFloat64(0);
    return { 20: false, 21: true, 22: null }[short];
  }
  const length = short < 24 ? short : input.uint(1 << (short - 24));
  switch (major) {
    case 0:
      return length;
    case 1:
      return -1 - length;
    case 2:
      return input.hex(length);
    case 3:
      return input.text(length);
    case 4:
      return Array.from({ length }, () => readCbor(input));
    default:
      return Object.fromEntries(Array.from({ length }, () => [String(readCbor(input)), readCbor(input)]));
  }
}

function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const value = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -value : value;
}

/** Ledgers, page "Update". */
function readUpdate(input: Input): Item[] {
  input.varUint();
  const count = input.varUint();
  input.varUint();
  const clock = input.varUint();
  return Array.from({ length: count }, (_, i) => {
    let at: string | number;
    if (input.uint(1) === 0x28) {
      input.varUint();
      input.text(input.varUint());
      at = input.text(input.varUint());
    } else {
      input.varUint();
      at = input.varUint();
    }
    input.varUint();
    const { v, o = [] } = readValue(input) as { v?: unknown; o?: string[] };
    return { clock: clock + i, at, value: v, over: o };
  });
}

function readValue(input: Input): unknown {
  switch (input.uint(1)) {
    case 0x7e:
      return null;
    case 0x79:
      return false;
    case 0x78:
      return true;
    case 0x7d: {
      const first = input.uint(1);
      const rest = first & 0x80 ? input.varUint(first & 63, 64) : first & 63;
      return first & 0x40 ? -rest : rest;
    }
    case 0x7c:
      return input.view(4).getFloat32(0);
    case 0x7b:
      return input.view(8).getFloat64(0);
    case 0x77:
      return input.text(input.varUint());
    case 0x75:
      return Array.from({ length: input.varUint() }, () => readValue(input));
    case 0x76:
      return Object.fromEntries(
        Array.from({ length: input.varUint() }, () => [input.text(input.varUint()), readValue(input)]),
      );
    default:
      throw new Error("another kind of value");
  }
}
