import * as z from "zod";
import { isLabelName, isSecretPath, isServerName } from "../../core/names.ts";

/** The shorthand of declarations as far as this release acts on it. What it would only store, it refuses. */

const nothing = (value: unknown): unknown => (value === null ? {} : value);

/** A scalar is a list of one. */
function listOf<T extends z.ZodType>(item: T) {
  const asList = (value: unknown) => (Array.isArray(value) || value === null || value === undefined ? value : [value]);
  return z.preprocess(asList, z.array(item)).optional();
}

const name = (what: string) =>
  z.string().refine(isLabelName, {
    error: ({ input }) =>
      `"${String(input)}" is not ${what}: lower-case letters, digits, dots, hyphens and underscores`,
  });

const labelName = name("a label");
const secretRef = z.string().refine(isSecretPath, {
  error: ({ input }) =>
    `"${String(input)}" is not a secret's path: lower-case parts joined by slashes, such as web/tls`,
});

const className = z.string().regex(/^[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*$/, {
  error: ({ input }) => `"${String(input)}" is not the name of a Puppet class`,
});
const classWithParameters = z
  .record(z.string(), z.preprocess(nothing, z.record(z.string(), z.json())))
  .refine((value) => Object.keys(value).length === 1, { error: "a class with parameters is a map with one key" })
  .transform((value) => Object.entries(value).map(([key, parameters]) => ({ name: key, parameters }))[0])
  .pipe(z.object({ name: className, parameters: z.record(z.string(), z.json()) }));

const port = z.int().min(1, "a port is between 1 and 65535").max(65535, "a port is between 1 and 65535");

const label = z
  .strictObject({
    puppet_classes: listOf(z.union([className, classWithParameters])),
    ports: listOf(port),
    size: name("a size").optional(),
    alerts: listOf(name("the name of an alert")),
    secrets: listOf(secretRef),
  })
  .prefault({});

const server = z
  .strictObject({
    provider: name("a provider").optional(),
    labels: listOf(labelName),
    environment: name("an environment").optional(),
    region: name("a region").optional(),
    size: name("a size").optional(),
  })
  .prefault({});

const secret = z
  .strictObject({
    type: z.enum(["static"], { error: () => 'only "static" is supported by this release' }),
    class: z.enum(["store"], { error: () => 'only "store" is supported by this release' }).optional(),
    strict: z.boolean().optional(),
  })
  .prefault({ type: "static" });

function section<T extends z.ZodType>(item: T) {
  return z.preprocess(nothing, z.record(z.string(), z.preprocess(nothing, item))).optional();
}

export const documentSchema = z.strictObject({
  labels: section(label),
  servers: section(server),
  secrets: section(secret),
});

export type DeclarationDocument = z.output<typeof documentSchema>;
export type DeclaredLabel = z.output<typeof label>;
export type DeclaredServer = z.output<typeof server>;
export type DeclaredSecret = z.output<typeof secret>;

/** What is wrong with the name of a declared thing; null if nothing is. */
export function nameProblem(section: string, text: string): string | null {
  switch (section) {
    case "labels":
      return text === "*" || isLabelName(text)
        ? null
        : "is not a label: lower-case letters, digits, dots, hyphens and underscores, at most 63";
    case "servers":
      return isServerName(text) ? null : "is not a server name: lower-case letters, digits and hyphens, at most 63";
    case "secrets":
      return isSecretPath(text) ? null : "is not a secret's path: lower-case parts joined by slashes, such as web/tls";
    default:
      return null;
  }
}

/** Keys that are known where a document's path ends, for `did you mean`. */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(documentSchema.shape);
  if (path.length !== 2) return [];
  const items: Readonly<Record<string, readonly string[]>> = {
    labels: ["puppet_classes", "ports", "size", "alerts", "secrets"],
    servers: ["provider", "labels", "environment", "region", "size"],
    secrets: ["type", "class", "strict"],
  };
  return items[String(path[0])] ?? [];
}

/** Words of the language that later releases act on. */
export const LATER: ReadonlySet<string> = new Set([
  ...["groups", "alerts", "sizes", "kind", "metadata", "spec"],
  ...["disks", "puppet_environment"],
  ...["generator", "rotate_every", "overlap", "per_machine", "ttl", "max_stale", "owner", "group", "mode", "reload"],
]);
