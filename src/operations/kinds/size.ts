import * as z from "zod";
import { listOf } from "./meta.ts";

export const sizeSchema = z
  .looseObject({
    name: z.string(),
    cores: z.number().nullable(),
    memoryBytes: z.number().nullable(),
    diskBytes: z.number().nullable(),
    providers: z.record(z.string(), z.record(z.string(), z.unknown())).describe("In each provider's own words."),
    servers: z.int().describe("How many servers have it."),
  })
  .meta({ id: "Size" });
export type Size = z.infer<typeof sizeSchema>;

export const sizeList = listOf("Size", sizeSchema);
