import type { Json } from "../../core/json.ts";
import { type JsonMap, told } from "../../core/model/record-reader.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import { recordPath, toSpec } from "./records.ts";
import type { DeclarationState, ServerState } from "./state.ts";

/** The declaration of a thing in envelope form; null if there is none. */
export function envelopeOf(
  kind: Kind,
  name: string,
  state: DeclarationState,
): { readonly kind: string; readonly metadata: { readonly name: string }; readonly spec: JsonMap } | null {
  const spec = specOf(kind, name, state);
  const title = kind.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
  return spec === null ? null : { kind: title, metadata: { name }, spec };
}

function specOf(kind: Kind, name: string, state: DeclarationState): JsonMap | null {
  if (kind === "server") return serverSpec(name, state.servers[name]);
  const record = state.records[recordPath(kind, name)] as Json | undefined;
  return record === undefined ? null : toSpec(kind, name, record);
}

/**
 * A member is what it is, whoever made it so: labels and attributes that people and tokens gave it stand in its
 * declaration like those of files.
 */
function serverSpec(name: string, server: ServerState | undefined): JsonMap | null {
  const record = (server?.record ?? null) as Json;
  const declared = record === null ? null : toSpec("server", name, record);
  if (server === undefined || server.state !== "active") return declared;
  const { provider, environment, region, size, availability, alarm_after } = server.attributes;
  const { puppet_classes, disks } = declared ?? {};
  return told({
    provider,
    labels: server.labels,
    environment,
    region,
    size,
    puppet_classes,
    disks,
    availability,
    alarm_after,
  });
}
