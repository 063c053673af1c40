import * as z from "zod";
import { ruleSchema } from "./group.ts";
import { listOf } from "./meta.ts";

export const alertSchema = z
  .looseObject({
    name: z.string(),
    severity: z.enum(["info", "warning", "critical"]),
    condition: z.string(),
    for: z.string().describe("How long the condition has to hold: 5m; 0s fires at once."),
    origin: z.enum(["user", "auto"]).describe("Declared by somebody, or of the catalogue and called for."),
    target: ruleSchema.nullable().describe("The rule as declared; null is every server, or what the catalogue says."),
    servers: z.array(z.string()).describe("Whom it is about, by name."),
    excluded: z.array(z.string()),
  })
  .meta({ id: "Alert" });
export type Alert = z.infer<typeof alertSchema>;

export const alertList = listOf("Alert", alertSchema);
