import * as z from "zod";
import { defineOperation } from "./operation.ts";

export const metricsOperation = defineOperation({
  name: "metrics",
  kind: "read",
  method: "GET",
  path: "/metrics",
  summary: "What the agent has done and what it holds at this moment, for Prometheus.",
  input: z.object({}),
  output: z.string(),
  produces: "text/plain; version=0.0.4; charset=utf-8",
  example: {},
});
