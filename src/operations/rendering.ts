import * as z from "zod";
import { oneOf } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";

export const renderingSchema = z
  .looseObject({
    backend: z.enum(["prometheus", "nagios", "cloudwatch"]),
    files: z.array(z.looseObject({ path: z.string(), content: z.string() })),
    skipped: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
  })
  .meta({ id: "Rendering" });
export type Rendering = z.infer<typeof renderingSchema>;

export const alertRenderOperation = defineOperation({
  name: "alert.render",
  kind: "read",
  method: "GET",
  path: "/v1/rendering/alerts/{backend}",
  summary: "Alerts as the configuration of a monitoring system, and those that it cannot be told.",
  input: z.object({ backend: z.enum(["prometheus", "nagios", "cloudwatch"]) }),
  output: oneOf("Rendering", renderingSchema),
  example: { backend: "prometheus" },
});
