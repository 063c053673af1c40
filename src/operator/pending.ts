import type { Json } from "../core/json.ts";
import { ATTRIBUTES } from "../core/names.ts";

/** A server that is declared and not enrolled: what its token will bring. */
export interface PendingServer {
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** As it stands at `pending/<name>`. */
export function writePending({ labels, attributes }: PendingServer): Json {
  return { ...(labels.length === 0 ? {} : { labels: [...labels] }), ...attributes };
}

/** Reads leniently: what a later release wrote there is not this one's to judge. */
export function readPending(value: unknown): PendingServer {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  const fields = (isMap ? value : {}) as Readonly<Record<string, unknown>>;
  const { labels } = fields;
  const attributes = ATTRIBUTES.flatMap((name) => {
    const text = fields[name];
    return typeof text === "string" ? [[name, text] as const] : [];
  });
  return {
    labels: Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [],
    attributes: Object.fromEntries(attributes),
  };
}
