import * as z from "zod";
import { sizeList } from "./kinds/size.ts";
import { defineOperation } from "./operation.ts";

export const sizeListOperation = defineOperation({
  name: "size.list",
  kind: "read",
  method: "GET",
  path: "/v1/sizes",
  summary: "Sizes and what they mean.",
  input: z.object({}),
  output: sizeList,
  example: {},
});
