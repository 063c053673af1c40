import type { Kind } from "../../operations/declarations/registry.ts";
import type { Path } from "./yaml/documents.ts";

/** A file as people named it, with what it says. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** One thing as a file declares it. */
export interface Declaration {
  readonly kind: Kind;
  readonly name: string;
  /** What stands below its name or `spec`: checked, as it was written. */
  readonly spec: unknown;
  readonly origin: Origin;
}

/** Where a declaration stands. */
export interface Origin {
  readonly file: SourceFile;
  /** Which document of the file. */
  readonly document: number;
  /** From the root of the document to its name, and to what it says. */
  readonly named: Path;
  readonly said: Path;
  /** Of the name. */
  readonly offset: number;
}
