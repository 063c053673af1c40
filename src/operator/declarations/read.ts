import type { Node } from "yaml";
import { type DeclaredKind, declaredKinds, type Kind } from "../../operations/declarations/registry.ts";
import { faultsOf, unknownKey } from "./issue.ts";
import { Problems } from "./problems.ts";
import type { Declaration, Origin, SourceFile } from "./source.ts";
import { type Path, readDocuments } from "./yaml/documents.ts";
import { keyOffsetAt, keyOffsets, offsetAt } from "./yaml/locate.ts";
import { toPlain } from "./yaml/plain.ts";

/** Everything that files declare, by kind and name. */
export type Declarations = ReadonlyMap<Kind, ReadonlyMap<string, Declaration>>;

type Fields = Readonly<Record<string, unknown>>;

const ENVELOPE = ["kind", "metadata", "spec", "$schema"];
const SECTIONS = declaredKinds.map(({ section }) => section);

/** Reads everything or nothing. Throws `InvalidFile` that names every problem by `file:line:column path - what`. */
export function readDeclarations(files: readonly SourceFile[]): Declarations {
  const problems = new Problems();
  const reader = new Reader(problems);
  for (const file of files) reader.readFile(file);
  problems.throwIfAny();
  return reader.found;
}

/** One document of a file, while it is read. */
interface Page {
  readonly file: SourceFile;
  readonly document: number;
  readonly contents: Node | null;
}

class Reader {
  readonly found = new Map<Kind, Map<string, Declaration>>(declaredKinds.map(({ singular }) => [singular, new Map()]));
  readonly #problems: Problems;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  readFile(file: SourceFile): void {
    for (const [document, { contents, faults }] of readDocuments(file.text).entries()) {
      for (const fault of faults) this.#problems.add(file, fault);
      if (faults.length > 0) continue;
      const plain = toPlain(contents, (fault) => this.#problems.add(file, fault));
      if (plain === null) continue;
      const page = { file, document, contents };
      if (!isMap(plain)) this.#fault(page, [], `expected a map of ${SECTIONS.join(", ")}`);
      else if ("kind" in plain) this.#readEnvelope(page, plain);
      else this.#readSections(page, plain);
    }
  }

  #readEnvelope(page: Page, fields: Fields): void {
    this.#requireKnown(page, [], fields, ENVELOPE);
    const kinds = declaredKinds.map(({ kind }) => kind);
    const kind = declaredKinds.find((one) => one.kind === fields["kind"]);
    if (kind === undefined) {
      const typed = typeof fields["kind"] === "string" ? fields["kind"] : "";
      const [near] = [kinds.find((one) => one.toLowerCase() === typed.toLowerCase())];
      this.#fault(
        page,
        ["kind"],
        `is not one of ${kinds.join(", ")}${near === undefined ? "" : `, did you mean ${near}?`}`,
      );
      return;
    }
    const { metadata } = fields;
    if (!isMap(metadata)) return this.#fault(page, ["metadata"], "expected a map with name");
    this.#requireKnown(page, ["metadata"], metadata, ["name"]);
    const { name } = metadata;
    const named = ["metadata", "name"];
    if (typeof name !== "string") return this.#fault(page, named, "expected text; in quotes everything is text");
    this.#take(page, kind, name, fields["spec"], { named, said: ["spec"], offset: offsetAt(page.contents, named) });
  }

  #readSections(page: Page, fields: Fields): void {
    this.#requireKnown(page, [], fields, [...SECTIONS, "kind", "$schema"]);
    for (const kind of declaredKinds) {
      const section = fields[kind.section];
      if (section === undefined || section === null) continue;
      if (kind.singular === "alert") this.#readList(page, kind, section);
      else if (!isMap(section)) this.#fault(page, [kind.section], `expected a map from names to ${kind.section}`);
      else this.#readMap(page, kind, section);
    }
  }

  #readMap(page: Page, kind: DeclaredKind, section: Fields): void {
    const offsets = keyOffsets(page.contents, kind.section);
    for (const [name, spec] of Object.entries(section)) {
      const path = [kind.section, name];
      this.#take(page, kind, name, spec, { named: path, said: path, offset: offsets.get(name) ?? 0 });
    }
  }

  /** Alerts are a list whose items have names. */
  #readList(page: Page, kind: DeclaredKind, section: unknown): void {
    if (!Array.isArray(section)) return this.#fault(page, [kind.section], "expected a list of maps, each with a name");
    for (const [i, item] of section.entries()) {
      const said = [kind.section, i];
      const named = [...said, "name"];
      if (!isMap(item) || typeof item["name"] !== "string") {
        this.#fault(page, isMap(item) ? named : said, isMap(item) ? "is missing: text" : "expected a map with a name");
        continue;
      }
      const { name, ...spec } = item;
      this.#take(page, kind, name, spec, { named, said, offset: offsetAt(page.contents, named) });
    }
  }

  #take(page: Page, kind: DeclaredKind, name: string, spec: unknown, place: Omit<Origin, "file" | "document">): void {
    const { file, document, contents } = page;
    const origin = { file, document, ...place };
    const problem = kind.nameProblem(name);
    if (problem !== null) this.#problems.add(file, { offset: place.offset, path: place.named, what: problem });
    const known = this.found.get(kind.singular) as Map<string, Declaration>;
    const first = known.get(name)?.origin;
    if (first !== undefined) {
      const fault = { offset: place.offset, path: place.named, what: "is declared twice", first: first.offset };
      this.#problems.add(file, fault, first.file);
      return;
    }
    const value = spec ?? {};
    const result = kind.spec.safeParse(value);
    if (result.success) {
      known.set(name, { kind: kind.singular, name, spec: result.data, origin });
      return;
    }
    known.set(name, { kind: kind.singular, name, spec: {}, origin });
    const subject = { contents, schema: kind.spec, base: place.said, value };
    for (const issue of result.error.issues) {
      for (const fault of faultsOf(subject, issue)) this.#problems.add(file, fault);
    }
  }

  #requireKnown(page: Page, base: Path, fields: Fields, known: readonly string[]): void {
    for (const key of Object.keys(fields)) {
      if (known.includes(key)) continue;
      const path = [...base, key];
      this.#problems.add(page.file, { offset: keyOffsetAt(page.contents, path), path, what: unknownKey(key, known) });
    }
  }

  #fault({ file, contents }: Page, path: Path, what: string): void {
    this.#problems.add(file, { offset: offsetAt(contents, path), path, what });
  }
}

function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
