import * as z from "zod";
import { alertList } from "./kinds/alert.ts";
import { defineOperation } from "./operation.ts";

export const alertListOperation = defineOperation({
  name: "alert.list",
  kind: "read",
  method: "GET",
  path: "/v1/alerts",
  summary: "Alerts, declared and of the catalogue, and whom they are about.",
  input: z.object({}),
  output: alertList,
  example: {},
});
