import type { Json } from "../json.ts";
import { isSecretPath } from "../names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { isClassName } from "./puppet-class.ts";
import { isJsonMap, type JsonMap, RecordReader, told } from "./record-reader.ts";

/** A place in Puppet code that names a secret. */
export interface SecretReference {
  readonly path: string;
  /** The class whose code it stands in, where that is another one that this one includes. */
  readonly via: string | null;
  /** As it stands there: `lab::secret('mail/tls-cert')`. */
  readonly text: string;
  /** Relative to the directory that was scanned. */
  readonly file: string;
  readonly line: number;
}

/**
 * The secrets that a Puppet class needs, as an operator's scan of a tree of modules found and signed them. Stands at
 * `scan/<class>`; a class without references has no record.
 */
export interface ClassScan {
  readonly name: string;
  readonly references: readonly SecretReference[];
  /** Hash of the tree, in hex: two scans of the same code say the same. */
  readonly tree: string;
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readClassScan(name: string, value: Json, problems: Diagnostic[]): ClassScan {
  const reader = new RecordReader("class", name, value, problems);
  return {
    name,
    references: reader.items("references", "a reference to a secret", readReference),
    tree: reader.text("tree") ?? "",
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeClassScan({ references, tree, managedBy, rest }: Omit<ClassScan, "name">): Json {
  return told({ ...rest, references: references.map((reference) => told({ ...reference })), tree, managedBy });
}

function readReference(item: Json): SecretReference | undefined {
  if (!isJsonMap(item) || typeof item.path !== "string" || !isSecretPath(item.path)) return undefined;
  return {
    path: item.path,
    via: typeof item.via === "string" && isClassName(item.via) ? item.via : null,
    text: typeof item.text === "string" ? item.text : "",
    file: typeof item.file === "string" ? item.file : "",
    line: typeof item.line === "number" ? item.line : 0,
  };
}
