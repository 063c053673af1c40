import * as z from "zod";
import { checkList } from "./kinds/check.ts";
import { defineOperation } from "./operation.ts";

export const checkListOperation = defineOperation({
  name: "check.list",
  kind: "write",
  method: "POST",
  path: "/v1/checks",
  summary: "Makes the peer examine itself and its machine: clock, keys, ports, peers, disk, store, versions.",
  input: z.object({}),
  output: checkList,
  example: {},
});
