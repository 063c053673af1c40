import * as z from "zod";
import { oneStatus } from "./kinds/status.ts";
import { defineOperation } from "./operation.ts";

export const statusGetOperation = defineOperation({
  name: "status.get",
  kind: "read",
  method: "GET",
  path: "/v1/status",
  summary: "The mesh as the answering peer sees it, and what does not work until something is back.",
  input: z.object({}),
  output: oneStatus,
  example: {},
});
