import { PuppetFault, type StringToken, type Token } from "./token.ts";

/** Strings in code in strings: deeper than anybody writes. */
const MOST_NESTED = 30;

const WORD = /(::)?[A-Za-z_]\w*(-\w+)*(::[A-Za-z_]\w*)*/y;
const VARIABLE = /[$](::)?\w+(::\w+)*/y;
const NUMBER = /\d[\w.]*/y;
/** `@(END)`, `@("END":json/nt$)`: the tag, in quotes where the text has code, a syntax, the escapes. */
const HEREDOC = /@\(\s*(?:"([^"\n]+)"|([^"\s:/)\n]+))\s*(?::\s*[a-z][\w+.-]*\s*)?(?:\/\s*([tsrnuL$]*)\s*)?\)/y;
const REGEX = /\/(?:[^/\\\n]|\\.)*\//y;
const SYMBOLS = ["=>", "+>", "->", "~>", "<-", "<~", "=~", "!~", "==", "!=", "<=", ">=", ">>", "<<", "|>", "<|", ".."];

/**
 * The tokens of a text in Puppet's language (https://www.puppet.com/docs/puppet/8/puppet_language): comments go,
 * strings of both quotes and heredocs keep apart what is text and what is code. Throws {@link PuppetFault}.
 */
export function tokensOf(text: string, line = 1): readonly Token[] {
  return new Lexer(text, line).whole();
}

/** A heredoc whose text begins on the next line. */
interface Waiting {
  /** What stands for it among the tokens until then. */
  readonly place: StringToken;
  readonly line: number;
  readonly tag: string;
  readonly hasCode: boolean;
  /** Whether a backslash before a dollar takes its meaning away. */
  readonly escapesDollar: boolean;
}

class Lexer {
  readonly #text: string;
  readonly #depth: number;
  #at = 0;
  #line: number;
  #waiting: Waiting[] = [];

  constructor(text: string, line: number, depth = 0) {
    this.#text = text;
    this.#line = line;
    this.#depth = depth;
    if (depth > MOST_NESTED) throw new PuppetFault("strings and code are nested too deeply", line);
  }

  whole(): readonly Token[] {
    const tokens = this.#tokens(null);
    const [heredoc] = this.#waiting;
    if (heredoc !== undefined) throw new PuppetFault(`the heredoc ${heredoc.tag} has no text`, heredoc.line);
    return tokens;
  }

  /** Up to the end of the text, or to the brace that closes the code of a string. */
  #tokens(end: "}" | null): Token[] {
    const tokens: Token[] = [];
    let braces = 0;
    for (;;) {
      this.#skip(tokens);
      const char = this.#text[this.#at];
      if (char === undefined) {
        if (end !== null) throw new PuppetFault("the code in a string has no end", this.#line);
        return tokens;
      }
      if (char === "}" && end !== null && braces === 0) {
        this.#at++;
        return tokens;
      }
      if (char === "{") braces++;
      if (char === "}") braces--;
      tokens.push(this.#token(tokens.at(-1)));
    }
  }

  #token(before: Token | undefined): Token {
    const line = this.#line;
    const char = this.#text[this.#at] as string;
    if (char === "'") return this.#singleQuoted();
    if (char === '"') return this.#doubleQuoted();
    if (char === "@") {
      const heredoc = this.#heredoc();
      if (heredoc !== null) return heredoc;
    }
    if (char === "/" && mayBeginRegex(before)) {
      const regex = this.#match(REGEX);
      if (regex !== undefined) return { kind: "other", text: regex, line };
    }
    const variable = char === "$" ? this.#match(VARIABLE) : undefined;
    if (variable !== undefined) return { kind: "variable", text: variable.slice(1), line };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { kind: "other", text: number, line };
    const word = this.#match(WORD);
    if (word !== undefined) return { kind: "word", text: word.replace(/^::/, ""), line };
    const symbol = SYMBOLS.find((known) => this.#text.startsWith(known, this.#at)) ?? char;
    this.#at += symbol.length;
    return { kind: "symbol", text: symbol, line };
  }

  /** Blanks, comments, and the texts of heredocs, which begin at the end of the line that names them. */
  #skip(tokens: Token[]): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === "\n") {
        this.#at++;
        this.#line++;
        this.#readHeredocs(tokens);
      } else if (char === " " || char === "\t" || char === "\r" || char === "\f" || char === "\ufeff") {
        this.#at++;
      } else if (char === "#") {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else if (char === "/" && this.#text[this.#at + 1] === "*") {
        const end = this.#text.indexOf("*/", this.#at + 2);
        if (end < 0) throw new PuppetFault("a comment has no end", this.#line);
        this.#goTo(end + 2);
      } else {
        return;
      }
    }
  }

  #singleQuoted(): StringToken {
    const line = this.#line;
    let value = "";
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const char = this.#text[at] as string;
      if (char === "'") {
        this.#goTo(at + 1);
        return { kind: "string", parts: [value], line };
      }
      const next = this.#text[at + 1];
      if (char === "\\" && (next === "'" || next === "\\")) {
        value += next;
        at++;
      } else {
        value += char;
      }
    }
    throw new PuppetFault("a string in single quotes has no end", line);
  }

  #doubleQuoted(): StringToken {
    const line = this.#line;
    this.#at++;
    const parts = this.#interpolated((char) => char === '"', "\\", line);
    this.#at++;
    return { kind: "string", parts, line };
  }

  /**
   * Text with code in it, up to where `isEnd` holds, or to the end of the text if it is null. What is escaped is text;
   * `escape` is null where nothing is.
   */
  #interpolated(isEnd: ((char: string) => boolean) | null, escape: "\\" | null, from: number): StringToken["parts"] {
    const parts: (string | readonly Token[])[] = [];
    let value = "";
    const code = (tokens: readonly Token[]): void => {
      if (value !== "") parts.push(value);
      value = "";
      parts.push(tokens);
    };
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) {
        if (isEnd !== null) throw new PuppetFault("a string in double quotes has no end", from);
        break;
      }
      if (isEnd?.(char)) break;
      if (char === "\n") this.#line++;
      if (char === "\\" && escape !== null) {
        if (this.#text[this.#at + 1] === "\n") this.#line++;
        value += this.#text.slice(this.#at + 1, this.#at + 2);
        this.#at += 2;
      } else if (this.#text.startsWith("${", this.#at)) {
        code(this.#codeInString());
      } else {
        const variable = char === "$" ? this.#match(VARIABLE) : undefined;
        if (variable !== undefined) code([{ kind: "variable", text: variable.slice(1), line: this.#line }]);
        else {
          value += char;
          this.#at++;
        }
      }
    }
    if (value !== "") parts.push(value);
    return parts;
  }

  #codeInString(): readonly Token[] {
    const inner = new Lexer(this.#text, this.#line, this.#depth + 1);
    inner.#at = this.#at + 2;
    const tokens = inner.#tokens("}");
    if (inner.#waiting.length > 0) throw new PuppetFault("a heredoc cannot stand in a string", this.#line);
    this.#at = inner.#at;
    this.#line = inner.#line;
    const [first, next] = tokens;
    // `${name}` is the variable, `${name(…)}` a call.
    const isCall = next?.kind === "symbol" && next.text === "(";
    return first?.kind === "word" && !isCall ? [{ ...first, kind: "variable" }, ...tokens.slice(1)] : tokens;
  }

  /** Its text is not known yet: it is put in place when the next line begins. */
  #heredoc(): StringToken | null {
    const line = this.#line;
    HEREDOC.lastIndex = this.#at;
    const found = HEREDOC.exec(this.#text);
    if (found === null) return null;
    const [whole, quoted, bare = "", escapes = ""] = found;
    this.#at += whole.length;
    const tag = (quoted ?? bare).trim();
    const place: StringToken = { kind: "string", parts: [], line };
    this.#waiting.push({ place, line, tag, hasCode: quoted !== undefined, escapesDollar: escapes.includes("$") });
    return place;
  }

  #readHeredocs(tokens: Token[]): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const heredoc of waiting) tokens[tokens.lastIndexOf(heredoc.place)] = this.#heredocText(heredoc);
  }

  #heredocText({ tag, line, hasCode, escapesDollar }: Waiting): StringToken {
    const begin = this.#at;
    const end = new RegExp(`^[ \\t]*[|]?[ \\t]*-?[ \\t]*${escapeRegex(tag)}[ \\t\\r]*$`, "gm");
    end.lastIndex = begin;
    const found = end.exec(this.#text);
    if (found === null) throw new PuppetFault(`the heredoc ${tag} has no end`, line);
    const text = this.#text.slice(begin, found.index);
    const inner = new Lexer(text, this.#line, this.#depth + 1);
    const parts = hasCode ? inner.#interpolated(null, escapesDollar ? "\\" : null, line) : [text];
    this.#goTo(found.index + found[0].length);
    if (this.#text[this.#at] === "\n") {
      this.#at++;
      this.#line++;
    }
    return { kind: "string", parts, line };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #goTo(at: number): void {
    for (let i = this.#at; i < at; i++) if (this.#text[i] === "\n") this.#line++;
    this.#at = at;
  }
}

/** As Puppet's own lexer decides whether a slash divides: after an operand it does. */
function mayBeginRegex(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "symbol") return ![")", "]", "|>"].includes(before.text);
  // After a keyword an operand is expected, after any other word it has been.
  return before.kind === "word" && ["node", "case", "if", "unless", "elsif", "and", "or", "in"].includes(before.text);
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
