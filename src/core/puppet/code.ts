import { isClassName } from "../model/puppet-class.ts";
import { isSecretPath } from "../names.ts";
import { tokensOf } from "./lexer.ts";
import { templateTokens } from "./template.ts";
import { isSymbol, isWord, literalOf, PuppetFault, type Token } from "./token.ts";
import type { FileScan, NamedSecret, Unit, Unresolved, Use } from "./unit.ts";

/** The function that gives a secret, and the beginning of the keys under which Hiera gives one. */
export const SECRET_FUNCTION = "lab::secret";
const SECRET_KEY = "lab::secret::";

const INCLUDING = ["include", "contain", "require"];
const LOOKING_UP = ["lookup", "hiera"];
const DECLARING = ["ensure_resource", "ensure_resources", "create_resources", "ensure_packages"];

/** What a manifest (`.pp`) names. A file that cannot be read as a whole says nothing, and that is told. */
export function scanManifest(file: string, text: string): FileScan {
  return reading(file, text, () => new CodeScan(file).manifest(tokensOf(text)));
}

/** What an EPP template names; it is a unit of the name that `epp()` calls it by. */
export function scanTemplate(file: string, name: string, text: string): FileScan {
  return reading(file, text, () => new CodeScan(file).template(name, templateTokens(text)));
}

function reading(file: string, text: string, scan: () => FileScan): FileScan {
  try {
    return scan();
  } catch (error) {
    if (!(error instanceof PuppetFault)) throw error;
    const why = `the file cannot be read: ${error.message}`;
    return {
      units: [],
      unresolved: [{ about: "secret", file, line: error.line, text: lineOf(text, error.line), why }],
    };
  }
}

interface OpenUnit {
  readonly kind: Unit["kind"] | "outside";
  readonly name: string;
  readonly line: number;
  readonly secrets: NamedSecret[];
  readonly uses: Use[];
  /** How many braces were open where its body began; null before that. */
  body: number | null;
  /** How many brackets of other kinds are open in its head. */
  head: number;
}

/** Walks over tokens and keeps in which unit they stand. Not a parser: what it does not know it walks over. */
class CodeScan {
  readonly #file: string;
  readonly #units: Unit[] = [];
  readonly #unresolved: Unresolved[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  manifest(tokens: readonly Token[]): FileScan {
    this.#walk(tokens, [unit("outside", "", 1)]);
    return { units: this.#units, unresolved: this.#unresolved };
  }

  template(name: string, tokens: readonly Token[]): FileScan {
    const whole = unit("template", name, 1);
    this.#walk(tokens, [whole]);
    this.#close(whole);
    return { units: this.#units, unresolved: this.#unresolved };
  }

  #walk(tokens: readonly Token[], open: OpenUnit[]): void {
    let braces = 0;
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at] as Token;
      const inside = open.at(-1) as OpenUnit;
      if (token.kind === "string") this.#string(token, tokens, at, open);
      if (token.kind === "word") this.#word(token.text, tokens, at, open);
      if (token.kind !== "symbol") continue;
      if (inside.body === null && inside.kind !== "outside") {
        if (token.text === "(" || token.text === "[") inside.head++;
        if (token.text === ")" || token.text === "]") inside.head--;
      }
      if (token.text === "{") {
        if (inside.body === null && inside.head === 0) inside.body = braces;
        braces++;
      }
      if (token.text === "}") {
        braces--;
        if (inside.body === braces && open.length > 1) this.#close(open.pop() as OpenUnit);
      }
    }
    for (const left of open.splice(1).reverse()) this.#close(left);
  }

  #close({ kind, name, line, secrets, uses }: OpenUnit): void {
    if (kind !== "outside") this.#units.push({ kind, name, file: this.#file, line, secrets, uses });
  }

  #word(text: string, tokens: readonly Token[], at: number, open: OpenUnit[]): void {
    const next = tokens[at + 1];
    const before = tokens[at - 1];
    // `include => x` is an attribute, `$x.include` a call with what stands before it.
    if (isSymbol(next, "=>")) return;
    const inside = open.at(-1) as OpenUnit;
    if (text === "class" && next?.kind === "word") return this.#begin("class", next, open);
    if (text === "define" && next?.kind === "word") return this.#begin("define", next, open);
    if (text === "function" && next?.kind === "word") return this.#begin("function", next, open);
    if (text === "inherits" && next?.kind === "word") return this.#use(inside, "class", next.text, next.line);
    if (text === "class" && isSymbol(next, "{")) return this.#declaredClasses(tokens, at + 2, inside);
    if (text === SECRET_FUNCTION) return this.#secret(tokens, at, inside);
    if (INCLUDING.includes(text)) return this.#included(tokens, at, inside);
    if (text === "hiera_include") return this.#tell("class", tokens, at, "which classes this includes cannot be told");
    if (LOOKING_UP.includes(text)) return this.#lookup(tokens, at, inside);
    if (text === "Deferred") return this.#deferred(tokens, at, inside);
    if (DECLARING.includes(text)) return this.#declared(tokens, at, inside);
    if (text === "epp") return this.#epp(tokens, at, inside);
    if (text === "inline_epp") return this.#inlineEpp(tokens, at, open);
    const isCall = isSymbol(next, "(") || isSymbol(before, ".");
    const isResource = isSymbol(next, "{");
    if ((isCall || isResource) && isClassName(text)) this.#use(inside, "called", text, (tokens[at] as Token).line);
  }

  #begin(kind: Unit["kind"], name: Token & { readonly kind: "word" }, open: OpenUnit[]): void {
    const outer = open.at(-1) as OpenUnit;
    // A class in a class has the other's name before its own.
    const isNested = outer.kind === "class" && !name.text.includes("::");
    open.push(unit(kind, isNested ? `${outer.name}::${name.text}` : name.text, name.line));
  }

  #string(token: Token & { readonly kind: "string" }, tokens: readonly Token[], at: number, open: OpenUnit[]): void {
    for (const part of token.parts) if (typeof part !== "string") this.#code(part, open);
    if (literalOf(token) !== SECRET_FUNCTION) return;
    const isDeferred = isSymbol(tokens[at - 1], "(") && (isWord(tokens[at - 2], "Deferred") || isNew(tokens, at - 2));
    if (!isDeferred) this.#tell("secret", tokens, at, "the function is called by its name, with what cannot be told");
  }

  /** Code in a string, or a template in code: it belongs to where it stands. */
  #code(tokens: readonly Token[], open: OpenUnit[]): void {
    const { kind, name, line, secrets, uses } = open.at(-1) as OpenUnit;
    const inner: OpenUnit = { kind, name, line, secrets, uses, body: 0, head: 0 };
    const known = this.#units.length;
    this.#walk(tokens, [inner]);
    // Nothing that is declared in a string is a unit of its own.
    this.#units.length = known;
  }

  /** `lab::secret('path')` and `'path'.lab::secret`. */
  #secret(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    if (isSymbol(tokens[at - 1], ".")) {
      return this.#name(
        literalOf(tokens[at - 2]),
        (path) => `'${path}'.lab::secret`,
        tokens,
        Math.max(0, at - 2),
        inside,
      );
    }
    if (!isSymbol(tokens[at + 1], "(")) return this.#tell("secret", tokens, at, "which secret it means cannot be told");
    this.#name(onlyLiteral(tokens, at + 2), (path) => `lab::secret('${path}')`, tokens, at, inside);
  }

  /** `Deferred('lab::secret', ['path'])`, and the same with `.new`. */
  #deferred(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    const begin = isSymbol(tokens[at + 1], ".") && isWord(tokens[at + 2], "new") ? at + 3 : at + 1;
    if (!isSymbol(tokens[begin], "(")) return;
    const called = literalOf(tokens[begin + 1]);
    if (called === null) return this.#tell("called", tokens, at, "which function is called later cannot be told");
    if (called !== SECRET_FUNCTION) return this.#use(inside, "called", called, (tokens[at] as Token).line);
    const isList = isSymbol(tokens[begin + 2], ",") && isSymbol(tokens[begin + 3], "[");
    const path = isList ? onlyLiteral(tokens, begin + 4) : null;
    this.#name(path, (name) => `Deferred('lab::secret', ['${name}'])`, tokens, at, inside);
  }

  /** `lookup('lab::secret::path')`: what a Hiera of ours answers. Other keys are no affair of ours. */
  #lookup(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    const isMethod = isSymbol(tokens[at - 1], ".");
    if (!isMethod && !isSymbol(tokens[at + 1], "(")) return;
    const key = isMethod ? tokens[at - 2] : tokens[at + 2];
    if (key?.kind !== "string") return;
    const [first = ""] = key.parts;
    if (typeof first !== "string" || !first.startsWith(SECRET_KEY)) return;
    const literal = isMethod ? literalOf(key) : onlyLiteral(tokens, at + 2);
    const path = literal === null ? null : literal.slice(SECRET_KEY.length);
    this.#name(path, (name) => `lookup('${SECRET_KEY}${name}')`, tokens, at, inside);
  }

  #name(
    path: string | null,
    text: (path: string) => string,
    tokens: readonly Token[],
    at: number,
    inside: OpenUnit,
  ): void {
    if (path === null) return this.#tell("secret", tokens, at, "which secret it means is computed");
    if (!isSecretPath(path)) return this.#tell("secret", tokens, at, `"${path}" is not a secret's path`);
    if (inside.kind === "outside") return this.#tell("secret", tokens, at, "it stands in no class");
    inside.secrets.push({ path, text: text(path), line: (tokens[at] as Token).line });
  }

  /** `include a, b`, `include [a]`, `contain('a')`, `[a, b].include`. */
  #included(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    if (isSymbol(tokens[at - 1], ".")) {
      const name = literalOf(tokens[at - 2]);
      if (name === null) return this.#tell("class", tokens, at, "which classes this includes cannot be told");
      return this.#use(inside, "class", name, (tokens[at] as Token).line);
    }
    const isParenthesised = isSymbol(tokens[at + 1], "(");
    let next = isParenthesised ? at + 2 : at + 1;
    for (;;) {
      const found = classNamed(tokens, next);
      if (found === null) return this.#tell("class", tokens, at, "which classes this includes cannot be told");
      for (const { name, line } of found.names) this.#use(inside, "class", name, line);
      if (!isSymbol(tokens[found.end], ",")) return;
      next = found.end + 1;
      if (isSymbol(tokens[next], ")")) return;
    }
  }

  /** `class { 'a': … ; ['b', 'c']: … }`. */
  #declaredClasses(tokens: readonly Token[], from: number, inside: OpenUnit): void {
    let depth = 0;
    let isTitle = true;
    for (let at = from; at < tokens.length; at++) {
      const token = tokens[at] as Token;
      if (isTitle && depth === 0) {
        const found = classNamed(tokens, at);
        if (found === null || !isSymbol(tokens[found.end], ":")) {
          if (!isSymbol(token, "}")) this.#tell("class", tokens, at, "which class is declared here cannot be told");
        } else {
          for (const { name, line } of found.names) this.#use(inside, "class", name, line);
        }
        isTitle = false;
      }
      if (token.kind !== "symbol") continue;
      if ("{[(".includes(token.text)) depth++;
      if ("}])".includes(token.text) && --depth < 0) return;
      if (token.text === ";" && depth === 0) isTitle = true;
    }
  }

  /** `ensure_resource('some::type', …)`. */
  #declared(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    if (!isSymbol(tokens[at + 1], "(")) return;
    const name = literalOf(tokens[at + 2]) ?? wordOf(tokens[at + 2]);
    if (name === null) return this.#tell("called", tokens, at, "which type is declared here cannot be told");
    if (name === "class") return this.#tell("class", tokens, at, "which classes are declared here cannot be told");
    this.#use(inside, "called", name, (tokens[at] as Token).line);
  }

  #epp(tokens: readonly Token[], at: number, inside: OpenUnit): void {
    if (!isSymbol(tokens[at + 1], "(")) return;
    const name = literalOf(tokens[at + 2]);
    if (name === null) return this.#tell("template", tokens, at, "which template this is cannot be told");
    inside.uses.push({ kind: "template", name, line: (tokens[at] as Token).line });
  }

  #inlineEpp(tokens: readonly Token[], at: number, open: OpenUnit[]): void {
    const text = isSymbol(tokens[at + 1], "(") ? literalOf(tokens[at + 2]) : null;
    if (text === null) return this.#tell("secret", tokens, at, "the template is computed");
    this.#code(templateTokens(text, (tokens[at + 2] as Token).line), open);
  }

  #use(inside: OpenUnit, kind: "class" | "called", name: string, line: number): void {
    inside.uses.push({ kind, name: name.replace(/^::/, "").toLowerCase(), line });
  }

  #tell(about: Unresolved["about"], tokens: readonly Token[], at: number, why: string): void {
    const { line } = tokens[at] as Token;
    this.#unresolved.push({ about, file: this.#file, line, text: shown(tokens, at), why });
  }
}

function unit(kind: OpenUnit["kind"], name: string, line: number): OpenUnit {
  return {
    kind,
    name,
    line,
    secrets: [],
    uses: [],
    body: kind === "template" || kind === "outside" ? 0 : null,
    head: 0,
  };
}

/** The literal that is the whole of an argument; null if that is anything else. */
function onlyLiteral(tokens: readonly Token[], at: number): string | null {
  const isWhole = [",", ")", "]"].some((text) => isSymbol(tokens[at + 1], text));
  return isWhole ? literalOf(tokens[at]) : null;
}

/** The classes that one argument names, and where it ends; null if that is computed. */
function classNamed(
  tokens: readonly Token[],
  at: number,
): { readonly names: readonly { readonly name: string; readonly line: number }[]; readonly end: number } | null {
  const token = tokens[at];
  if (token === undefined) return null;
  const { line } = token;
  // `Class['a']` names it, too.
  if (isWord(token, "Class") && isSymbol(tokens[at + 1], "[")) {
    const inner = classNamed(tokens, at + 1);
    return inner;
  }
  if (isSymbol(token, "[")) {
    const names: { readonly name: string; readonly line: number }[] = [];
    let next = at + 1;
    while (!isSymbol(tokens[next], "]")) {
      const found = classNamed(tokens, next);
      if (found === null) return null;
      names.push(...found.names);
      next = isSymbol(tokens[found.end], ",") ? found.end + 1 : found.end;
      if (next === found.end && !isSymbol(tokens[next], "]")) return null;
    }
    return { names, end: next + 1 };
  }
  const name = literalOf(token) ?? wordOf(token);
  const isName = name !== null && isClassName(name.replace(/^::/, "").toLowerCase());
  // A name that is followed by `.`, `[` or `(` is the beginning of something else.
  const goesOn = [".", "[", "(", "+"].some((text) => isSymbol(tokens[at + 1], text));
  return isName && !goesOn ? { names: [{ name, line }], end: at + 1 } : null;
}

function wordOf(token: Token | undefined): string | null {
  return token?.kind === "word" ? token.text : null;
}

function isNew(tokens: readonly Token[], at: number): boolean {
  return isWord(tokens[at], "new") && isSymbol(tokens[at - 1], ".") && isWord(tokens[at - 2], "Deferred");
}

/** A call, or a few tokens, as people would write them. */
function shown(tokens: readonly Token[], from: number): string {
  const text = tokens
    .slice(from, endOfCall(tokens, from) + 1)
    .map(printed)
    .join("")
    .replace(/,(?=\S)/g, ", ");
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

const MOST_SHOWN = 20;

/** Of the parentheses that open next, the end; without any, a few tokens on. */
function endOfCall(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length && at < from + MOST_SHOWN; at++) {
    if (isSymbol(tokens[at], "(")) depth++;
    if (isSymbol(tokens[at], ")") && --depth <= 0) return at;
    if (depth === 0 && at > from + 3) return at - 1;
  }
  return from + MOST_SHOWN;
}

function printed(token: Token): string {
  switch (token.kind) {
    case "string": {
      const literal = literalOf(token);
      if (literal !== null) return `'${literal}'`;
      return `"${token.parts.map((part) => (typeof part === "string" ? part : `\${${codeText(part)}}`)).join("")}"`;
    }
    case "variable":
      return `$${token.text}`;
    case "word":
      return INCLUDING.includes(token.text) ? `${token.text} ` : token.text;
    case "symbol":
    case "other":
      return token.text;
  }
}

/** As it stands in a string, where a variable needs no dollar. */
function codeText([first, ...more]: readonly Token[]): string {
  const begin = first === undefined ? "" : first.kind === "variable" ? first.text : printed(first);
  return begin + more.map(printed).join("");
}

function lineOf(text: string, line: number): string {
  return (text.split("\n")[line - 1] ?? "").trim().slice(0, 80);
}
