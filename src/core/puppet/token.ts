/** What Puppet code is made of, as far as a search for secrets needs to know it. */
export type Token = WordToken | VariableToken | StringToken | SymbolToken | OtherToken;

interface At {
  /** From 1, in the file. */
  readonly line: number;
}

/** A bare word: a keyword, the name of a class, a function, a type (`File`). Without leading `::`. */
export interface WordToken extends At {
  readonly kind: "word";
  readonly text: string;
}

export interface VariableToken extends At {
  readonly kind: "variable";
  readonly text: string;
}

export interface StringToken extends At {
  readonly kind: "string";
  /** Texts, and the code between them: a string without code has at most one part. */
  readonly parts: readonly (string | readonly Token[])[];
}

export interface SymbolToken extends At {
  readonly kind: "symbol";
  /** `=>`, `|>` and the like are one symbol; whatever else is one character. */
  readonly text: string;
}

/** A number or a regular expression: nothing that could be a path. */
export interface OtherToken extends At {
  readonly kind: "other";
  readonly text: string;
}

/** Code that cannot be read on; what stands before may mean anything. */
export class PuppetFault extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** What a string says if it holds no code, else null. */
export function literalOf(token: Token | undefined): string | null {
  if (token?.kind !== "string") return null;
  const [only = "", ...more] = token.parts;
  return typeof only === "string" && more.length === 0 ? only : null;
}

export function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

export function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}
