import type { Json } from "../json.ts";
import { isLabelName, isSecretPath } from "../names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type PuppetClass, readPuppetClasses, writePuppetClasses } from "./puppet-class.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";

/** What every server that has the label gets. Stands at `label/<name>`; the label `*` is on every enrolled server. */
export interface Label {
  readonly name: string;
  readonly puppetClasses: readonly PuppetClass[];
  readonly ports: readonly number[];
  readonly size: string | null;
  readonly alerts: readonly string[];
  /** Exact paths that the label lets its servers read. */
  readonly secrets: readonly string[];
  /** Who manages the record: `--prune` with the same mark may remove it. Null for what was made by hand. */
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readLabel(name: string, value: Json, problems: Diagnostic[]): Label {
  const reader = new RecordReader("label", name, value, problems);
  return {
    name,
    puppetClasses: readPuppetClasses(reader, "puppetClasses"),
    ports: reader.amounts("ports", "a port", isPort),
    size: reader.text("size"),
    alerts: reader.texts("alerts", "the name of an alert", isLabelName),
    secrets: reader.texts("secrets", "a secret's path", isSecretPath),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeLabel({
  puppetClasses,
  ports,
  size,
  alerts,
  secrets,
  managedBy,
  rest,
}: Omit<Label, "name">): Json {
  return told({ ...rest, puppetClasses: writePuppetClasses(puppetClasses), ports, size, alerts, secrets, managedBy });
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
