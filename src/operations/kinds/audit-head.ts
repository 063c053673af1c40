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
export const auditLetGoSchema = z
  .looseObject({
    author: z.string(),
    log: z.string(),
    class: z.number().int(),
    to: z.number().int().describe("Number of the last entry that is gone."),
    before: z.string().describe("What is gone was written before this time: that of the first entry that is kept."),
  })
  .meta({ id: "AuditLetGo" });
export type AuditLetGo = z.infer<typeof auditLetGoSchema>;
export type AuditFlaw = z.infer<typeof auditFlawSchema>;
