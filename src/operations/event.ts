import * as z from "zod";
import { eventSchema } from "./kinds/event.ts";
import { defineOperation } from "./operation.ts";

export const eventStreamOperation = defineOperation({
  name: "event.stream",
  kind: "stream",
  method: "GET",
  path: "/v1/events",
  summary: "What happens from now on: entries, changes of the view, peers that come and go, alarms.",
  input: z.object({}),
  output: eventSchema,
  produces: "text/event-stream",
  example: {},
});
