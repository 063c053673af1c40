import * as z from "zod";
import { listOf } from "./meta.ts";

/** A class by name, or with the parameters that a label gives it. */
export const puppetClassSchema = z.union([
  z.string(),
  z.looseObject({ name: z.string(), parameters: z.record(z.string(), z.unknown()) }),
]);

export const labelSchema = z
  .looseObject({
    name: z.string(),
    puppetClasses: z.array(puppetClassSchema),
    ports: z.array(z.number().int()),
    size: z.string().nullable(),
    alerts: z.array(z.string()),
    secrets: z.array(z.string()),
    servers: z.number().int().describe("How many servers carry it."),
    containers: z.number().int().nullable().describe("How many containers carry it; null when nothing can tell."),
  })
  .meta({ id: "Label" });
export type Label = z.infer<typeof labelSchema>;

export const labelList = listOf("Label", labelSchema);
