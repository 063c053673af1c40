import * as z from "zod";
import { auditFlawSchema, auditHeadSchema, auditLetGoSchema } from "./kinds/audit-head.ts";
import { metaSchema } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";
import { base64url } from "./query.ts";

export const auditHeadsOperation = defineOperation({
  name: "audit.heads",
  kind: "read",
  method: "GET",
  path: "/v1/audit-heads",
  summary: "Where every writer's log ends here.",
  input: z.object({}),
  output: z.looseObject({ meta: metaSchema, heads: z.array(auditHeadSchema) }),
  example: {},
});

export const auditVerifyOperation = defineOperation({
  name: "audit.verify",
  kind: "read",
  method: "POST",
  path: "/v1/audit-verify",
  summary: "Checks every signature and every link, and that all heads that anybody remembers are still there.",
  input: z.object({
    heads: z.array(auditHeadSchema).max(100_000).default([]).describe("What the asker saw before."),
  }),
  output: z.looseObject({
    meta: metaSchema,
    entries: z.int(),
    logs: z.int(),
    peers: z.array(z.string()).describe("Members whose heads were compared."),
    flaws: z.array(auditFlawSchema),
    letGo: z.array(auditLetGoSchema).describe("What is so old that machines need not keep it, and was let go of."),
    heads: z.array(auditHeadSchema),
  }),
  example: {},
});

export const auditEntriesOperation = defineOperation({
  name: "audit.entries",
  kind: "read",
  method: "POST",
  path: "/v1/audit-entries",
  summary: "Signed entries as they are kept, for an export that can be verified anywhere.",
  input: z.object({
    log: z.string().describe("A writer's log; empty for all of authority."),
    class: z.int(),
    after: z.int().min(0),
  }),
  output: z.looseObject({
    entries: z.array(base64url()),
    more: z.boolean(),
    state: base64url()
      .optional()
      .describe("With the first entries, where those before were let go of: what the ledger had come to."),
  }),
  example: { log: "", class: 0, after: 0 },
});
