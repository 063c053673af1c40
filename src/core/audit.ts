import { decode, encode, MalformedError, type Plain } from "./encoding.ts";
import type { AuditRecord } from "./ports/role.ts";

/** An audit record as it stands in a node's audit log. */
export interface TimedAuditRecord extends AuditRecord {
  readonly timeMs: number;
}

export function encodeAudit(record: TimedAuditRecord): Uint8Array {
  return encode({ v: 1, ...record } as unknown as Plain);
}

/**
 * Reads leniently: a record of a later release shows what this one understands of it, and one that makes no sense says
 * so, because its writer must not be able to hide everybody else's.
 */
export function decodeAudit(payload: Uint8Array): TimedAuditRecord {
  const fields = readRecord(payload);
  const text = (name: string): string => (typeof fields[name] === "string" ? (fields[name] as string) : "");
  return {
    timeMs: typeof fields.timeMs === "number" ? fields.timeMs : 0,
    actor: text("actor"),
    action: text("action"),
    object: text("object"),
    decision: fields.decision === "allowed" ? "allowed" : "denied",
    reason: text("reason"),
    ...(isFacts(fields.facts) ? { facts: fields.facts } : {}),
  };
}

function isFacts(value: Plain | undefined): value is Readonly<Record<string, string | number>> {
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) return false;
  return Object.values(value).every((fact) => typeof fact === "string" || typeof fact === "number");
}

function readRecord(payload: Uint8Array): { readonly [name: string]: Plain | undefined } {
  try {
    const value = decode(payload);
    if (value !== null && typeof value === "object") return value as { readonly [name: string]: Plain | undefined };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  return { reason: "this record cannot be read" };
}
