import * as z from "zod";
import { tokenList } from "./kinds/token.ts";
import { defineOperation } from "./operation.ts";

export const tokenListOperation = defineOperation({
  name: "token.list",
  kind: "read",
  method: "GET",
  path: "/v1/tokens",
  summary: "Join tokens that were granted, without the tokens themselves.",
  input: z.object({}),
  output: tokenList,
  example: {},
});
