import type { Json } from "../json.ts";
import { isLabelName } from "../names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type PuppetClass, readPuppetClasses, writePuppetClasses } from "./puppet-class.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";

/** What a server is told to be, beside its labels. Single-valued; null where nobody said so. */
export interface ServerAttributes {
  readonly environment: string | null;
  readonly region: string | null;
  readonly provider: string | null;
  readonly size: string | null;
  /** - `always`: its absence raises an alarm · - `intermittent`: it never does, as with laptops */
  readonly availability: string | null;
  /** Duration of absence after which an alarm is raised, such as `5m`. */
  readonly alarmAfter: string | null;
}

/**
 * - `enrolled`: a member that owns its name
 * - `contested`: a member that another one's name was given to; it keeps what it has and gets nothing new
 * - `suspended`: a member whose standing is in question
 * - `pending`: declared, and not a member yet
 */
export type ServerStanding = "enrolled" | "contested" | "suspended" | "pending";

/** A server as desired state has it. */
export interface ServerRecord extends ServerAttributes {
  /** Hex of the node's log; null while it is pending. */
  readonly id: string | null;
  readonly name: string;
  readonly standing: ServerStanding;
  /** Role labels included, sorted; without the built-in `*`. */
  readonly labels: readonly string[];
  readonly puppetClasses: readonly PuppetClass[];
  readonly disksBytes: readonly number[];
  /** The mark of the files that declare it; null if none do. */
  readonly managedBy: string | null;
  readonly declared: boolean;
}

/**
 * What files declare of a server. Stands at `pending/<name>`. A token that is made for the name brings labels and
 * attributes; classes and disks hold from here for the member that owns the name.
 */
export interface DeclaredServer extends ServerAttributes {
  readonly name: string;
  readonly labels: readonly string[];
  readonly puppetClasses: readonly PuppetClass[];
  readonly disksBytes: readonly number[];
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readDeclaredServer(name: string, value: Json, problems: Diagnostic[]): DeclaredServer {
  const reader = new RecordReader("server", name, value, problems);
  return {
    name,
    labels: reader.texts("labels", "a label", isLabelName),
    environment: reader.text("environment"),
    region: reader.text("region"),
    provider: reader.text("provider"),
    size: reader.text("size"),
    availability: reader.text("availability"),
    alarmAfter: reader.text("alarmAfter"),
    puppetClasses: readPuppetClasses(reader, "puppetClasses"),
    disksBytes: reader.items("disksBytes", "a size in bytes", asBytes),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeDeclaredServer({ rest, puppetClasses, ...fields }: Omit<DeclaredServer, "name">): Json {
  const { labels, environment, region, provider, size, availability, alarmAfter, disksBytes, managedBy } = fields;
  const attributes = { environment, region, provider, size, availability, alarmAfter };
  return told({
    ...rest,
    labels,
    ...attributes,
    puppetClasses: writePuppetClasses(puppetClasses),
    disksBytes,
    managedBy,
  });
}

function asBytes(item: Json): number | undefined {
  return typeof item === "number" && Number.isFinite(item) && item >= 0 ? item : undefined;
}
