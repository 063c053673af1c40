import * as z from "zod";
import { auditList } from "./kinds/audit-entry.ts";
import { time } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";
import { count } from "./query.ts";

export const auditListOperation = defineOperation({
  name: "audit.list",
  kind: "read",
  method: "GET",
  path: "/v1/audit",
  summary: "What was allowed and what was denied, in order of time.",
  input: z.object({
    since: time.optional().describe("Only entries at or after this time."),
    limit: count().optional().describe("Only the newest so many."),
  }),
  output: auditList,
  example: { limit: 20 },
});
