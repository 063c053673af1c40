import type { Node } from "yaml";
import type { z } from "zod";
import { nearest } from "../../core/nearest.ts";
import { knownKeys } from "../../operations/declarations/shape.ts";
import type { Fault, Path } from "./yaml/documents.ts";
import { keyOffsetAt, offsetAt, sourceAt } from "./yaml/locate.ts";

/** What an issue is about. */
interface Subject {
  readonly contents: Node | null;
  readonly schema: z.ZodType;
  /** From the root of the document to what the schema describes. */
  readonly base: Path;
  readonly value: unknown;
}

type Issue = z.core.$ZodIssue;

/** An issue of a schema in the words of a file: where it stands, what is wrong, what was meant. */
export function* faultsOf(subject: Subject, issue: Issue, before: Path = []): Generator<Fault> {
  const path = [...before, ...issue.path];
  const whole = [...subject.base, ...path];
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys) {
        const at = [...whole, key];
        const what = unknownKey(key, knownKeys(subject.schema, path));
        yield { offset: keyOffsetAt(subject.contents, at), path: at, what };
      }
      return;
    case "invalid_key":
      for (const { message } of issue.issues) {
        yield { offset: keyOffsetAt(subject.contents, whole), path: whole, what: message };
      }
      return;
    case "invalid_union": {
      const fitting = fittingAlternative(issue.errors);
      if (fitting !== null) {
        for (const inner of fitting) yield* faultsOf(subject, inner, path);
        return;
      }
      const expected = [...new Set(issue.errors.flatMap(expectedTypes))];
      yield fault(subject, whole, wrongType(subject, whole, path, expected));
      return;
    }
    case "invalid_type":
      yield fault(subject, whole, ownWords(issue) ?? wrongType(subject, whole, path, [issue.expected]));
      return;
    case "invalid_value": {
      const words = issue.values.map(String);
      yield fault(subject, whole, wrongWord(valueAt(subject.value, path), words));
      return;
    }
    default:
      yield fault(subject, whole, issue.message);
  }
}

function fault({ contents }: Subject, path: Path, what: string): Fault {
  return { offset: offsetAt(contents, path), path, what };
}

export function unknownKey(key: string, known: readonly string[]): string {
  const [near] = nearest(key, known, 1);
  return near === undefined ? "is not known here" : `is not known here, did you mean ${near}?`;
}

/** Alternatives differ by type: where just one has it, its issues are the ones that help. */
function fittingAlternative(errors: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const fitting = errors.filter(
    (issues) => !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0),
  );
  const [only] = fitting;
  return fitting.length === 1 && only !== undefined ? only : null;
}

function expectedTypes(issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => (issue.code === "invalid_type" ? [issue.expected] : []));
}

/** A schema that says what is wrong in its own words. */
function ownWords({ message }: Issue): string | null {
  return message.startsWith("Invalid input") ? null : message;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
  null: "nothing",
};

function wrongType(subject: Subject, whole: Path, path: Path, expected: readonly string[]): string {
  const value = valueAt(subject.value, path);
  const wanted = expected.map((type) => TYPE_WORDS[type] ?? type).join(" or ");
  if (value === undefined) return `is missing: ${wanted}`;
  const source = sourceAt(subject.contents, whole);
  const quotable =
    expected.includes("string") && source !== null && (typeof value === "number" || typeof value === "boolean");
  const advice = quotable ? `; in quotes it is text: "${source}"` : "";
  return `expected ${wanted}, found ${typeOf(value)}${advice}`;
}

function typeOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return String(value);
    default:
      return "a map";
  }
}

function wrongWord(value: unknown, words: readonly string[]): string {
  const choice = `one of ${words.join(", ")}`;
  if (typeof value !== "string")
    return value === undefined ? `is missing: ${choice}` : `expected ${choice}, found ${typeOf(value)}`;
  const [near] = nearest(value, words, 1);
  return near === undefined
    ? `"${short(value)}" is not ${choice}`
    : `"${short(value)}" is not ${choice}, did you mean ${near}?`;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null) return Number(part) === 0 ? at : undefined;
    at = (at as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return at;
}
