import type { Json } from "../json.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { isJsonMap, type JsonMap, RecordReader, told } from "./record-reader.ts";

/** A T-shirt size: what it means anywhere, and what each provider makes of it. Stands at `size/<name>`. */
export interface Size {
  readonly name: string;
  readonly cores: number | null;
  readonly memoryBytes: number | null;
  readonly diskBytes: number | null;
  /** In each provider's own words: `{ aws: { instance_type: "t3.large" } }`. */
  readonly providers: Readonly<Record<string, JsonMap>>;
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readSize(name: string, value: Json, problems: Diagnostic[]): Size {
  const reader = new RecordReader("size", name, value, problems);
  const abstract = reader.inner("abstract");
  return {
    name,
    cores: abstract?.amount("cores") ?? null,
    memoryBytes: abstract?.amount("memoryBytes") ?? null,
    diskBytes: abstract?.amount("diskBytes") ?? null,
    providers: Object.fromEntries(
      Object.entries(reader.map("providers")).filter((entry): entry is [string, JsonMap] => isJsonMap(entry[1])),
    ),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeSize({ cores, memoryBytes, diskBytes, providers, managedBy, rest }: Omit<Size, "name">): Json {
  return told({ ...rest, abstract: told({ cores, memoryBytes, diskBytes }), providers, managedBy });
}
