import type { Json } from "../json.ts";
import type { Diagnostic, RecordKind } from "./diagnostic.ts";

export type JsonMap = Readonly<Record<string, Json>>;

/**
 * Reads a record that another release, or a hostile operator's program, may have written. It takes what it understands,
 * says what it does not, keeps members that it does not know for whoever writes the record again, and never throws.
 */
export class RecordReader {
  readonly #kind: RecordKind;
  readonly #name: string;
  readonly #problems: Diagnostic[];
  readonly #where: string;
  readonly #members: JsonMap;
  readonly #taken = new Set<string>();

  constructor(kind: RecordKind, name: string, value: Json, problems: Diagnostic[], where = "") {
    this.#kind = kind;
    this.#name = name;
    this.#problems = problems;
    this.#where = where;
    const isMap = isJsonMap(value);
    this.#members = isMap ? value : {};
    if (!isMap) this.#malformed("", "a map");
  }

  has(member: string): boolean {
    return this.#members[member] !== undefined && this.#members[member] !== null;
  }

  text(member: string): string | null {
    return this.#take(member, "a text", (value) => (typeof value === "string" ? value : undefined)) ?? null;
  }

  /** One of the words, or null. */
  word<T extends string>(member: string, words: readonly T[]): T | null {
    return this.#take(member, `one of ${words.join(", ")}`, (value) => words.find((word) => word === value)) ?? null;
  }

  flag(member: string): boolean {
    return this.#take(member, "true or false", (value) => (typeof value === "boolean" ? value : undefined)) ?? false;
  }

  /** A finite number that is not negative. */
  amount(member: string): number | null {
    return this.#take(member, "a number", (value) => (isAmount(value) ? value : undefined)) ?? null;
  }

  /** A list without repetitions, in the order of the record. What `is` refuses is left out and told. */
  texts(member: string, what: string, is: (text: string) => boolean): readonly string[] {
    const found = this.items(member, what, (item) => (typeof item === "string" && is(item) ? item : undefined));
    return [...new Set(found)];
  }

  amounts(member: string, what: string, is: (amount: number) => boolean): readonly number[] {
    const found = this.items(member, what, (item) => (isAmount(item) && is(item) ? item : undefined));
    return [...new Set(found)];
  }

  items<T>(member: string, what: string, read: (item: Json) => T | undefined): readonly T[] {
    const list = this.#take(member, "a list", (value) =>
      Array.isArray(value) ? (value as readonly Json[]) : undefined,
    );
    return (list ?? []).flatMap((item, at) => {
      const found = read(item);
      if (found === undefined) this.#malformed(`${member}[${at}]`, what);
      return found === undefined ? [] : [found];
    });
  }

  /**
   * Values of which one has to hold. What cannot be read stands as the empty text, which nothing is called: a damaged
   * key never matches more than was written.
   */
  choices(member: string): readonly string[] {
    const value = this.#members[member];
    const found = this.texts(member, "a text", () => true);
    const saysNothing = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    return saysNothing || found.length > 0 ? found : [""];
  }

  /** A record inside this one, or null where there is none. */
  inner(member: string): RecordReader | null {
    const value = this.#take(member, "a map", (found) => (isJsonMap(found) ? found : undefined));
    if (value === undefined) return null;
    return new RecordReader(this.#kind, this.#name, value, this.#problems, `${this.#where}${member}.`);
  }

  map(member: string): JsonMap {
    return this.#take(member, "a map", (value) => (isJsonMap(value) ? value : undefined)) ?? {};
  }

  /** The members that nobody asked for, as they are. */
  rest(): JsonMap {
    const left = Object.entries(this.#members).filter(([member]) => !this.#taken.has(member));
    return left.length === 0 ? NOTHING : Object.fromEntries(left);
  }

  #take<T>(member: string, what: string, read: (value: Json) => T | undefined): T | undefined {
    this.#taken.add(member);
    const value = this.#members[member];
    if (value === undefined || value === null) return undefined;
    const found = read(value);
    if (found === undefined) this.#malformed(member, what);
    return found;
  }

  #malformed(member: string, what: string): void {
    const place = this.#where + member;
    const message = `${place === "" ? "it" : place} is not ${what} and counts as absent`;
    this.#problems.push({ code: "malformed", kind: this.#kind, name: this.#name, message });
  }
}

const NOTHING: JsonMap = {};

export function isJsonMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** The members that say something: no null, no undefined, no false, no empty list or map. */
export function told(members: Readonly<Record<string, Json | undefined>>): JsonMap {
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, Json] => {
      const [, value] = entry;
      if (value === undefined || value === null || value === false) return false;
      if (Array.isArray(value)) return value.length > 0;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );
}
