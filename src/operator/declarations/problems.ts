import { LabError } from "../../core/errors.ts";
import type { SourceFile } from "./source.ts";
import type { Fault, Path } from "./yaml/documents.ts";

interface Problem {
  readonly file: SourceFile;
  readonly fault: Fault;
  /** The file of `fault.first`, where it is another one. */
  readonly firstFile: SourceFile | undefined;
}

const SHOWN = 20;
/** A file of a megabyte can have a million of them. */
const KEPT = 1000;
const LONGEST_PART = 63;
const LONGEST_TEXT = 300;

/** What is wrong in files, all of it at once. */
export class Problems {
  readonly #kept: Problem[] = [];
  readonly #files = new Map<SourceFile, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(file: SourceFile, fault: Fault, firstFile?: SourceFile): void {
    this.#count++;
    if (!this.#files.has(file)) this.#files.set(file, this.#files.size);
    if (this.#kept.length < KEPT) this.#kept.push({ file, fault, firstFile });
  }

  /** Throws `InvalidFile` that names each by `file:line:column path - what`, as they stand in the files. */
  throwIfAny(): void {
    if (this.#count === 0) return;
    const order = ({ file }: Problem) => this.#files.get(file) ?? 0;
    const sorted = this.#kept.sort((a, b) => order(a) - order(b) || a.fault.offset - b.fault.offset);
    const [first = "", ...more] = sorted.slice(0, SHOWN).map(told);
    const hidden = this.#count - SHOWN;
    throw new LabError("InvalidFile", first, {
      notes: [...more, ...(hidden > 0 ? [`and ${hidden} more`] : [])],
      hint: "nothing was applied",
    });
  }
}

function told({ file, fault, firstFile }: Problem): string {
  const { offset, path, what, first } = fault;
  const place = placeOf(file, offset);
  const other = first === undefined ? "" : `, first at ${firstPlace(file, firstFile, first)}`;
  return `${path.length === 0 ? place : `${place} ${printPath(path)}`} - ${short(what, LONGEST_TEXT)}${other}`;
}

/** `homelab/web.yaml:3:5`. */
export function placeOf({ name, text }: SourceFile, offset: number): string {
  return `${name}:${lineAndColumn(text, offset)}`;
}

function firstPlace(file: SourceFile, firstFile: SourceFile | undefined, offset: number): string {
  return firstFile === undefined ? lineAndColumn(file.text, offset) : placeOf(firstFile, offset);
}

export function printPath(path: Path): string {
  return path
    .map(String)
    .map((part) => short(part, LONGEST_PART))
    .join(".");
}

/** What a file says is repeated no longer than a person reads it. */
function short(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lines = before.split("\n").length;
  return `${lines}:${offset - before.lastIndexOf("\n")}`;
}
