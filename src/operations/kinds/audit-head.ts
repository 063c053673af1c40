import * as z from "zod";

/** Where a writer's log ended when somebody looked. */
export const auditHeadSchema = z
  .looseObject({
    log: z.string(),
    class: z.number().int().describe("0: authority · 1: desired state · 2: audit."),
    author: z.string(),
    seq: z.number().int(),
    hash: z.string(),
  })
  .meta({ id: "AuditHead" });

export const auditFlawSchema = z
  .looseObject({
    author: z.string(),
    log: z.string(),
    class: z.number().int(),
    seq: z.number().int(),
    to: z.number().int(),
    problem: z.enum(["edited", "missing", "moved", "forked", "foreign"]),
    detail: z.string(),
  })
  .meta({ id: "AuditFlaw" });
export type AuditFlaw = z.infer<typeof auditFlawSchema>;
