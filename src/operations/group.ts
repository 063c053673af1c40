import * as z from "zod";
import { groupList } from "./kinds/group.ts";
import { defineOperation } from "./operation.ts";

export const groupListOperation = defineOperation({
  name: "group.list",
  kind: "read",
  method: "GET",
  path: "/v1/groups",
  summary: "Groups and who is in them.",
  input: z.object({}),
  output: groupList,
  example: {},
});
