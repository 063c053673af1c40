import { Composer, CST, type Document, Lexer, type Node, Parser } from "yaml";

/** One document of a file: its contents, or what keeps it from having any. */
export interface YamlDocument {
  /** Null for a document that says nothing. */
  readonly contents: Node | null;
  readonly faults: readonly Fault[];
}

/** What is wrong at an offset of the text. */
export interface Fault {
  readonly offset: number;
  /** Keys and indexes that lead there, as far as they are known. */
  readonly path: Path;
  readonly what: string;
  /** Where the other one of two stands. */
  readonly first?: number;
}

export type Path = readonly PropertyKey[];

/** The composer calls itself for every level, and a thousand levels end the stack. Declarations have eight. */
const MOST_LEVELS = 64;
const MOST_DOCUMENTS = 10_000;
/** Anchors, aliases, tags and directives: each costs more than its text, and people write a handful. */
const MOST_MARKS = 10_000;
const MARK = /^[&*!%]/;
/** A value takes a kilobyte while it is read. Ten thousand servers, a line each, have 170,000. */
const MOST_VALUES = 250_000;
/** What begins one: quotes, blocks, brackets, items, keys; the lexer puts a sign of its own in front of plain text. */
const VALUE = /^["'|>[{?-]/;

/**
 * Splits a text into its documents, as YAML 1.2 reads it. Stops at what could be made to take more time or stack than
 * the text is long. Keys that stand twice, aliases and tags are left to {@link toPlain}.
 */
export function readDocuments(text: string): YamlDocument[] {
  const odd = oddCharacter(text);
  if (odd !== null) return [{ contents: null, faults: [odd] }];
  const found: YamlDocument[] = [];
  const parser = new Parser();
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, version: "1.2", logLevel: "silent" });
  const take = (documents: Iterable<Document.Parsed>) => {
    for (const document of documents) found.push(asRead(document));
  };
  const stop = (what: string) => [...found, { contents: null, faults: [{ offset: parser.offset, path: [], what }] }];
  let [marks, values] = [0, 0];
  for (const lexeme of new Lexer().lex(text)) {
    if (MARK.test(lexeme) && ++marks > MOST_MARKS)
      return stop(`more than ${MOST_MARKS} anchors, aliases, tags and directives`);
    const isValue = lexeme === CST.SCALAR || VALUE.test(lexeme);
    if (isValue && ++values > MOST_VALUES) return stop(`more than ${MOST_VALUES} values in one file`);
    for (const token of parser.next(lexeme)) take(composer.next(token));
    if (parser.stack.length > MOST_LEVELS) return stop(`is nested more than ${MOST_LEVELS} levels deep`);
    if (found.length > MOST_DOCUMENTS) return stop(`more than ${MOST_DOCUMENTS} documents in one file`);
  }
  for (const token of parser.end()) take(composer.next(token));
  take(composer.end());
  return found;
}

function asRead(document: Document.Parsed): YamlDocument {
  const { errors, warnings, contents, directives } = document;
  const faults = [...errors, ...warnings].map(({ pos, message }) => ({
    offset: pos[0],
    path: [],
    what: inOurWords(message),
  }));
  // By YAML 1.1 `no` is false and 010 is eight: what a file says would depend on its first line.
  if (directives?.yaml.explicit && directives.yaml.version !== "1.2") {
    faults.unshift({ offset: 0, path: [], what: `is YAML ${directives.yaml.version}; only YAML 1.2 is read` });
  }
  return { contents, faults };
}

const LONGEST_MESSAGE = 120;

function inOurWords(message: string): string {
  const line = message.split("\n")[0] ?? "";
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}

/**
 * Characters that YAML does not allow unescaped (1.2.2 §5.1), or that make a text look like another one: marks that turn
 * the direction of writing (Unicode TR 36 §3.1), and separators that are no line ends here.
 */
const ODD = /(?![\t\n\r\u0085])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/u;

function oddCharacter(text: string): Fault | null {
  const offset = text.search(ODD);
  if (offset < 0) return null;
  const code = text.charCodeAt(offset).toString(16).toUpperCase().padStart(4, "0");
  return { offset, path: [], what: `has the character U+${code}, which cannot be seen or turns the direction of text` };
}
