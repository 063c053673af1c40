import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from "yaml";
import type { z } from "zod";
import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import {
  type DeclarationDocument,
  type DeclaredLabel,
  type DeclaredSecret,
  type DeclaredServer,
  documentSchema,
  knownKeys,
  LATER,
  nameProblem,
} from "./schema.ts";

/** A file as people named it, with what it says. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** The union of all documents of all files. */
export interface Declarations {
  readonly labels: ReadonlyMap<string, DeclaredLabel>;
  readonly servers: ReadonlyMap<string, DeclaredServer>;
  readonly secrets: ReadonlyMap<string, DeclaredSecret>;
}

interface Problem {
  readonly place: Place;
  readonly text: string;
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a file of a few kilobytes can make of aliases (a "billion laughs") is bounded here. */
const MAX_ALIASES = 100;
const PROBLEMS_SHOWN = 20;
type Path = readonly PropertyKey[];

/** Reads everything or nothing. Throws `InvalidFile` that names every problem by `file:line:column path - what`. */
export function readDeclarations(files: readonly SourceFile[]): Declarations {
  const reader = new Reader();
  for (const file of files) reader.read(file);
  const [first, ...more] = reader.problems;
  if (first === undefined) return reader.found;
  const hidden = more.length - PROBLEMS_SHOWN;
  throw new LabError("InvalidFile", first, {
    notes: [...more.slice(0, PROBLEMS_SHOWN), ...(hidden > 0 ? [`and ${hidden} more`] : [])],
    hint: "nothing was applied",
  });
}

class Reader {
  readonly #problems: Problem[] = [];
  readonly found = {
    labels: new Map<string, DeclaredLabel>(),
    servers: new Map<string, DeclaredServer>(),
    secrets: new Map<string, DeclaredSecret>(),
  };
  /** Where each thing was declared first, by `section/name`. */
  readonly #places = new Map<string, Place>();

  /** As they stand in the files, from top to bottom. */
  get problems(): string[] {
    const order = new Map<string, number>();
    for (const { place } of this.#problems) if (!order.has(place.file)) order.set(place.file, order.size);
    const byFile = ({ place }: Problem) => order.get(place.file) ?? 0;
    return [...this.#problems]
      .sort((a, b) => byFile(a) - byFile(b) || a.place.line - b.place.line || a.place.column - b.place.column)
      .map(({ text }) => text);
  }

  read({ name, text }: SourceFile): void {
    const lines = new LineCounter();
    const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    if (!Array.isArray(documents)) return;
    for (const document of documents) this.#readDocument(new Positions(name, lines, document), document);
  }

  #readDocument(positions: Positions, document: Document.Parsed): void {
    const wrong = [...document.errors, ...document.warnings];
    for (const { pos, message } of wrong) this.#problem(positions.at(pos[0]), [], sentence(message));
    if (wrong.length > 0) return;
    const before = this.#problems.length;
    this.#findWhatIsLost(positions, document);
    if (this.#problems.length > before) return;
    let content: unknown;
    try {
      content = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch {
      this.#problem(positions.of([]), [], `more than ${MAX_ALIASES} uses of one anchor`);
      return;
    }
    if (content === null || content === undefined) return;
    const result = documentSchema.safeParse(content);
    if (!result.success) {
      for (const issue of result.error.issues) this.#tell(positions, issue, []);
      return;
    }
    this.#take(positions, result.data);
  }

  /** What YAML lets pass and plain data would lose: keys that stand twice, aliases of nothing, keys of every object. */
  #findWhatIsLost(positions: Positions, document: Document.Parsed): void {
    visit(document, {
      Alias: (_, alias) => {
        if (alias.resolve(document) !== undefined || !alias.range) return;
        this.#problem(positions.at(alias.range[0]), [`*${alias.source}`], "is an alias of nothing");
      },
      Map: (_, map) => {
        const seen = new Map<string, number>();
        for (const { key } of map.items) {
          if (!isScalar(key) || !key.range) continue;
          const name = String(key.value);
          const first = seen.get(name);
          seen.set(name, first ?? key.range[0]);
          const place = positions.at(key.range[0]);
          if (name === "__proto__") this.#problem(place, [name], "is not a name");
          if (first === undefined) continue;
          const { line, column } = positions.at(first);
          this.#problem(place, [name], `stands here twice, first at ${line}:${column}`);
        }
      },
    });
  }

  #take(positions: Positions, { labels = {}, servers = {}, secrets = {} }: DeclarationDocument): void {
    this.#takeSection(positions, "labels", labels, this.found.labels);
    this.#takeSection(positions, "servers", servers, this.found.servers);
    this.#takeSection(positions, "secrets", secrets, this.found.secrets);
  }

  #takeSection<T>(
    positions: Positions,
    section: string,
    things: Readonly<Record<string, T>>,
    into: Map<string, T>,
  ): void {
    for (const [name, thing] of Object.entries(things)) {
      const place = positions.ofKey([section, name]);
      const problem = nameProblem(section, name);
      const first = this.#places.get(`${section}/${name}`);
      if (problem !== null) this.#problem(place, [section, name], problem);
      else if (first !== undefined) {
        this.#problem(place, [section, name], `is declared twice, first at ${shown(first)}`);
      }
      this.#places.set(`${section}/${name}`, place);
      into.set(name, thing);
    }
  }

  #tell(positions: Positions, issue: z.core.$ZodIssue, before: Path): void {
    const path = [...before, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys)
        this.#problem(positions.ofKey([...path, key]), [...path, key], unknownKey(path, key));
      return;
    }
    if (issue.code === "invalid_union") {
      // The alternatives differ by type: the one that got furthest is what was meant.
      const [closest] = [...issue.errors].sort((a, b) => depth(b) - depth(a));
      for (const inner of closest ?? []) this.#tell(positions, inner, path);
      return;
    }
    this.#problem(positions.of(path), path, sentence(issue.message));
  }

  #problem(place: Place, path: Path, what: string): void {
    const where = path.length === 0 ? shown(place) : `${shown(place)} ${path.join(".")}`;
    this.#problems.push({ place, text: `${where} - ${what}` });
  }
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map(({ path, code }) => path.length + (code === "invalid_type" ? 0 : 0.5)));
}

function unknownKey(path: Path, key: string): string {
  if (LATER.has(key)) return "is not supported by this release";
  const [near] = nearest(key, knownKeys(path), 1);
  return near === undefined ? "is not known here" : `is not known here, did you mean ${near}?`;
}

function sentence(message: string): string {
  const text = message.replace(/^Invalid (input|key in record): /, "").split("\n")[0] ?? message;
  return text
    .replace(/\b(record|object)\b/g, "map")
    .replace(/\barray\b/g, "list")
    .replace(/\bstring\b/g, "text");
}

function shown({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Where the parts of a document stand in its file. */
class Positions {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #document: Document.Parsed;

  constructor(file: string, lines: LineCounter, document: Document.Parsed) {
    this.#file = file;
    this.#lines = lines;
    this.#document = document;
  }

  at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line, column: col };
  }

  /** The value at a path, or the nearest that is there: what is missing has no place. */
  of(path: Path): Place {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#node(path.slice(0, length));
      if (node?.range) return this.at(node.range[0]);
    }
    return this.at(0);
  }

  /** The key that ends a path. */
  ofKey(path: Path): Place {
    const parent = this.#node(path.slice(0, -1));
    const key = isMap(parent) ? keyNode(parent, String(path.at(-1))) : undefined;
    return key?.range ? this.at(key.range[0]) : this.of(path);
  }

  #node(path: Path): Node | null | undefined {
    let node: Node | null | undefined = this.#document.contents;
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (!isMap(node) && !hasItems(node)) return undefined;
      const next: unknown = isMap(node) ? valueNode(node, String(part)) : node.items[Number(part)];
      node = isNode(next) ? next : undefined;
    }
    return node;
  }
}

function hasItems(node: unknown): node is { readonly items: readonly unknown[] } {
  return typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items);
}

function keyNode(map: YAMLMap, name: string): Node | undefined {
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === name);
  return isPair(pair) && isNode(pair.key) ? pair.key : undefined;
}

function valueNode(map: YAMLMap, name: string): unknown {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === name)?.value;
}
