import * as z from "zod";
import { listOf, time } from "./meta.ts";

export const auditEntrySchema = z
  .looseObject({
    seq: z.number().int(),
    time,
    node: z.string(),
    author: z.string(),
    epoch: z.string(),
    prev: z.string().nullable(),
    actor: z.string(),
    action: z.string(),
    object: z.string(),
    decision: z.enum(["allowed", "denied"]),
    reason: z.string(),
    hash: z.string(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const auditList = listOf("AuditEntry", auditEntrySchema);
