import { LabError } from "../errors.ts";
import { nearest } from "../nearest.ts";

export const SELECTOR_KEYS = [
  "label",
  "group",
  "server",
  "environment",
  "region",
  "provider",
  "size",
  "role",
  "online",
  "sync",
  "puppet",
  "health",
  "identity",
] as const;
export type SelectorKey = (typeof SELECTOR_KEYS)[number];

/** One condition: the server has one of the values under the key, or, negated, none of them. */
export interface Term {
  readonly negated: boolean;
  readonly key: SelectorKey;
  readonly values: readonly string[];
}

const WORD = /[A-Za-z0-9_*][A-Za-z0-9._~*-]*/y;

/**
 * `term {"," term}`, where `term = ["!"] (word | key "=" value | key "!=" value | key "in (" value {"," value} ")")`.
 * A bare word stands under `bareKey`. Throws `Usage` with the place of the fault.
 */
export function parseSelector(text: string, bareKey: SelectorKey = "label"): readonly Term[] {
  return new SelectorReader(text, bareKey).terms();
}

/** The term in the grammar's own words; {@link parseSelector} reads it back. */
export function printTerm({ negated, key, values }: Term): string {
  const [only = ""] = values;
  if (values.length > 1) return `${negated ? "!" : ""}${key} in (${values.join(",")})`;
  if (key === "label") return `${negated ? "!" : ""}${only}`;
  return `${key}${negated ? "!=" : "="}${only}`;
}

class SelectorReader {
  readonly #text: string;
  readonly #bareKey: SelectorKey;
  #at = 0;

  constructor(text: string, bareKey: SelectorKey) {
    this.#text = text;
    this.#bareKey = bareKey;
  }

  terms(): readonly Term[] {
    const terms = [this.#term()];
    while (this.#accept(",")) terms.push(this.#term());
    if (this.#at < this.#text.length) throw this.#fault(`"," or the end was expected`);
    return terms;
  }

  #term(): Term {
    const negated = this.#accept("!");
    const place = this.#at;
    const word = this.#word("a label or a key");
    if (this.#accept("!=")) return { negated: !negated, key: this.#key(word, place), values: [this.#word("a value")] };
    if (this.#accept("=")) return { negated, key: this.#key(word, place), values: [this.#word("a value")] };
    if (this.#acceptIn()) return { negated, key: this.#key(word, place), values: this.#values() };
    return { negated, key: this.#bareKey, values: [word] };
  }

  #values(): readonly string[] {
    const values = [this.#word("a value")];
    while (this.#accept(",")) values.push(this.#word("a value"));
    if (!this.#accept(")")) throw this.#fault(`")" was expected`);
    return values;
  }

  #key(word: string, place: number): SelectorKey {
    const key = SELECTOR_KEYS.find((known) => known === word);
    if (key) return key;
    const meant = SELECTOR_KEYS.filter((known) => known.startsWith(word)).concat(
      nearest(word, SELECTOR_KEYS) as SelectorKey[],
    );
    this.#at = place;
    throw this.#fault(`"${word}" is not a key`, {
      notes: [`keys: ${SELECTOR_KEYS.slice(0, 7).join(", ")},`, `      ${SELECTOR_KEYS.slice(7).join(", ")}`],
      hint: meant[0] ? `did you mean "${meant[0]}"?` : `labels never have values; as a label it is just: ${word}`,
    });
  }

  #word(what: string): string {
    this.#skipSpace();
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0];
    if (word === undefined) throw this.#fault(`${what} was expected`);
    this.#at += word.length;
    return word;
  }

  #accept(token: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(token, this.#at)) return false;
    // "!" before a word and the "!" of "!=" are different tokens.
    if (token === "!" && this.#text[this.#at + 1] === "=") return false;
    this.#at += token.length;
    return true;
  }

  #acceptIn(): boolean {
    const found = /^\s*in\s*\(/.exec(this.#text.slice(this.#at))?.[0];
    if (found === undefined) return false;
    this.#at += found.length;
    return true;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }

  #fault(what: string, more: { readonly notes?: readonly string[]; readonly hint?: string } = {}): LabError {
    return new LabError("Usage", `selector "${this.#text}", column ${this.#at + 1}: ${what}`, {
      field: "selector",
      notes: more.notes ?? [],
      hint: more.hint ?? 'terms are joined by commas: "prod,region=eu-west,!legacy"',
    });
  }
}
