import { nearest } from "../nearest.ts";
import { type Backend, BACKENDS, METRICS, type MetricUnit, UNIT_FACTORS } from "./metric.ts";

/**
 * When an alert fires:
 *
 *     condition  = all { "or" all }
 *     all        = one { "and" one }
 *     one        = "(" condition ")" | metric op number [unit]
 *     op         = ">" | ">=" | "<" | "<=" | "==" | "!="
 *
 * A metric is one of {@link METRICS}, or the name that one backend has for it (`prometheus:queue_depth`): that one only
 * can render the condition then.
 */
export type Condition = Comparison | Combination;

export interface Comparison {
  readonly kind: "comparison";
  readonly metric: string;
  /** Whose name the metric is; null for one that every backend may know. */
  readonly backend: Backend | null;
  readonly op: Op;
  /** In the metric's unit. */
  readonly value: number;
  /** Null where the metric is a backend's own, so that nobody here knows. */
  readonly unit: MetricUnit | null;
}

export interface Combination {
  readonly kind: "and" | "or";
  /** At least two. */
  readonly parts: readonly Condition[];
}

const OPS = [">=", "<=", "==", "!=", ">", "<"] as const;
export type Op = (typeof OPS)[number];

/** What is wrong with a condition. */
export interface ConditionFault {
  readonly message: string;
  /** Of the condition, from 1. */
  readonly column: number;
}

export type ParsedCondition =
  | { readonly state: "good"; readonly condition: Condition }
  | { readonly state: "bad"; readonly fault: ConditionFault };

/** Far more than a person writes; beyond it a text is somebody's weapon. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 20;

export function parseCondition(text: string): ParsedCondition {
  try {
    if (text.length > MAX_LENGTH) throw new Fault(`it has more than ${MAX_LENGTH} characters`, MAX_LENGTH);
    return { state: "good", condition: new ConditionReader(text).whole() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { state: "bad", fault: { message: error.message, column: error.at + 1 } };
  }
}

/** In the words of the language; {@link parseCondition} reads it back. */
export function printCondition(condition: Condition): string {
  if (condition.kind === "comparison") {
    const { backend, metric, op, value } = condition;
    return `${backend === null ? "" : `${backend}:`}${metric} ${op} ${value}`;
  }
  return condition.parts
    .map((part) => (part.kind === "comparison" ? printCondition(part) : `(${printCondition(part)})`))
    .join(` ${condition.kind} `);
}

/** Every comparison in it, from left to right. */
export function comparisons(condition: Condition): readonly Comparison[] {
  return condition.kind === "comparison" ? [condition] : condition.parts.flatMap(comparisons);
}

class Fault extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

class ConditionReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Condition {
    const found = this.#combination("or", () => this.#combination("and", () => this.#one()));
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#fault('"and", "or" or the end was expected');
    return found;
  }

  #combination(word: "and" | "or", part: () => Condition): Condition {
    const first = part();
    const parts = [first];
    while (this.#acceptWord(word)) parts.push(part());
    return parts.length === 1 ? first : { kind: word, parts };
  }

  #one(): Condition {
    if (!this.#accept("(")) return this.#comparison();
    if (++this.#depth > MAX_DEPTH) throw this.#fault(`parentheses are more than ${MAX_DEPTH} deep`);
    const found = this.#combination("or", () => this.#combination("and", () => this.#one()));
    if (!this.#accept(")")) throw this.#fault('")" was expected');
    this.#depth--;
    return found;
  }

  #comparison(): Comparison {
    const { metric, backend, unit } = this.#metric();
    const op = OPS.find((known) => this.#accept(known));
    if (op === undefined) throw this.#fault(`one of ${[...OPS].sort().join(" ")} was expected`);
    return { kind: "comparison", metric, backend, op, value: this.#value(unit), unit };
  }

  #metric(): Pick<Comparison, "metric" | "backend" | "unit"> {
    this.#skipSpace();
    const at = this.#at;
    const word = this.#match(/[A-Za-z_][A-Za-z0-9_]*/y);
    if (word === undefined) throw this.#fault("a metric was expected");
    if (this.#text[this.#at] === ":") {
      const backend = BACKENDS.find((known) => known === word);
      if (backend === undefined) throw new Fault(`"${word}" is not a backend: ${BACKENDS.join(", ")}`, at);
      this.#at++;
      const metric = this.#match(/[A-Za-z_][A-Za-z0-9_:./-]*/y);
      if (metric === undefined) throw this.#fault(`a metric of ${backend} was expected`);
      return { metric, backend, unit: null };
    }
    const known = Object.hasOwn(METRICS, word) ? METRICS[word] : undefined;
    if (known !== undefined) return { metric: word, backend: null, unit: known.unit };
    const [near] = nearest(word, Object.keys(METRICS), 1);
    const meant =
      near === undefined ? `; what only Prometheus knows is written prometheus:${word}` : `, did you mean ${near}?`;
    throw new Fault(`"${word}" is not a known metric${meant}`, at);
  }

  #value(unit: MetricUnit | null): number {
    this.#skipSpace();
    const at = this.#at;
    const number = this.#match(/[+-]?(\d+([.]\d+)?|[.]\d+)(e[+-]?\d+)?/iy);
    if (number === undefined) throw this.#fault("a number was expected");
    let total = this.#amount(number, unit);
    // A duration may have several parts: 1h30m.
    for (
      let more = this.#match(/\d+(?=[a-z])/y);
      unit === "seconds" && more !== undefined;
      more = this.#match(/\d+(?=[a-z])/y)
    ) {
      total += this.#amount(more, unit);
    }
    if (!Number.isFinite(total)) throw new Fault("the number is out of range", at);
    if (unit === "state" && total !== 0 && total !== 1) throw new Fault("it is 1 when all is well, else 0", at);
    if (/[\w.%°]/.test(this.#text[this.#at] ?? "")) throw this.#fault("the end of the number was expected");
    return total;
  }

  #amount(number: string, unit: MetricUnit | null): number {
    const at = this.#at;
    const suffix = this.#match(/%|°?[A-Za-z]+/y);
    if (suffix === undefined) return Number(number);
    const factors = unit === null ? {} : UNIT_FACTORS[unit];
    const factor = Object.hasOwn(factors, suffix) ? factors[suffix] : undefined;
    if (factor !== undefined) return Number(number) * factor;
    const known = Object.keys(factors);
    const told = known.length === 0 ? "it has no unit" : `it is measured in ${unit}: ${known.join(", ")}`;
    throw new Fault(`"${suffix}" does not fit here, ${told}`, at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #accept(token: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #acceptWord(word: string): boolean {
    this.#skipSpace();
    return this.#match(new RegExp(`${word}(?![A-Za-z0-9_:])`, "y")) !== undefined;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #fault(message: string): Fault {
    return new Fault(message, this.#at);
  }
}
