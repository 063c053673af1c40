import * as z from "zod";
import { conflictList } from "./kinds/conflict.ts";
import { defineOperation } from "./operation.ts";

export const conflictListOperation = defineOperation({
  name: "conflict.list",
  kind: "read",
  method: "GET",
  path: "/v1/conflicts",
  summary: "Paths that were written concurrently, with the winner and the others.",
  input: z.object({}),
  output: conflictList,
  example: {},
});
