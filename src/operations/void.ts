import * as z from "zod";
import { voidActList } from "./kinds/void-act.ts";
import { defineOperation } from "./operation.ts";

export const voidListOperation = defineOperation({
  name: "void.list",
  kind: "read",
  method: "GET",
  path: "/v1/voids",
  summary: "What is signed, kept and without effect, and what has become of it.",
  input: z.object({}),
  output: voidActList,
  example: {},
});
