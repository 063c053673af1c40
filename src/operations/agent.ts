import * as z from "zod";
import { time } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";

export const healthOperation = defineOperation({
  name: "health",
  kind: "read",
  method: "GET",
  path: "/healthz",
  summary: "Whether the agent answers.",
  input: z.object({}),
  output: z.looseObject({ status: z.literal("ok"), now: time.describe("The clock of its machine.") }),
  example: {},
});

export const openApiOperation = defineOperation({
  name: "openapi",
  kind: "read",
  method: "GET",
  path: "/v1/openapi.json",
  summary: "This description.",
  input: z.object({}),
  output: z.looseObject({ openapi: z.string() }),
  example: {},
});

export const agentReadyOperation = defineOperation({
  name: "agent.ready",
  kind: "read",
  method: "GET",
  path: "/v1/ready",
  summary: "Answers when the secrets of this machine are in place, or will not be soon, and says which of the two.",
  input: z.object({}),
  output: z.looseObject({ status: z.string() }),
  example: {},
});
