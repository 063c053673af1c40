import { decode, encode, type Plain } from "./encoding.ts";
import type { AuditRecord } from "./ports/role.ts";

/** An audit record as it stands in a node's audit log. */
export interface TimedAuditRecord extends AuditRecord {
  readonly timeMs: number;
}

export function encodeAudit(record: TimedAuditRecord): Uint8Array {
  return encode({ v: 1, ...record } as unknown as Plain);
}

/** Reads leniently: a record of a later release shows what this one understands of it. */
export function decodeAudit(payload: Uint8Array): TimedAuditRecord {
  const fields = (decode(payload) ?? {}) as { readonly [name: string]: Plain | undefined };
  const text = (name: string): string => (typeof fields[name] === "string" ? (fields[name] as string) : "");
  return {
    timeMs: typeof fields.timeMs === "number" ? fields.timeMs : 0,
    actor: text("actor"),
    action: text("action"),
    object: text("object"),
    decision: fields.decision === "allowed" ? "allowed" : "denied",
    reason: text("reason"),
  };
}
