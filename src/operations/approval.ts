import * as z from "zod";
import { approvalList } from "./kinds/approval.ts";
import { defineOperation } from "./operation.ts";

export const approvalListOperation = defineOperation({
  name: "approval.list",
  kind: "read",
  method: "GET",
  path: "/v1/approvals",
  summary: "Acts of authority that wait for the signatures of more operators.",
  input: z.object({}),
  output: approvalList,
  example: {},
});
