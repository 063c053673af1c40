import type { Json } from "../json.ts";
import { isJsonMap, type JsonMap, type RecordReader } from "./record-reader.ts";

/** A class of Puppet code with the parameters that whoever names it gives. */
export interface PuppetClass {
  readonly name: string;
  readonly parameters: JsonMap;
}

const CLASS_NAME = /^[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$/;

export function isClassName(text: string): boolean {
  return text.length <= 200 && CLASS_NAME.test(text);
}

/** By name; the same name twice keeps the first. */
export function readPuppetClasses(reader: RecordReader, member: string): readonly PuppetClass[] {
  const found = reader.items(member, "a Puppet class", readPuppetClass);
  const byName = new Map<string, PuppetClass>();
  for (const one of found) if (!byName.has(one.name)) byName.set(one.name, one);
  return [...byName.values()];
}

function readPuppetClass(item: Json): PuppetClass | undefined {
  if (typeof item === "string") return isClassName(item) ? { name: item, parameters: {} } : undefined;
  if (!isJsonMap(item) || typeof item.name !== "string" || !isClassName(item.name)) return undefined;
  return { name: item.name, parameters: isJsonMap(item.parameters) ? item.parameters : {} };
}

/** A class without parameters is its name. */
export function writePuppetClasses(classes: readonly PuppetClass[]): Json {
  return classes.map(({ name, parameters }) => (Object.keys(parameters).length === 0 ? name : { name, parameters }));
}
