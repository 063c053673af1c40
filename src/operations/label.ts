import * as z from "zod";
import { labelList } from "./kinds/label.ts";
import { defineOperation } from "./operation.ts";

export const labelListOperation = defineOperation({
  name: "label.list",
  kind: "read",
  method: "GET",
  path: "/v1/labels",
  summary: "Labels that are declared or carried, and what each brings.",
  input: z.object({}),
  output: labelList,
  example: {},
});
