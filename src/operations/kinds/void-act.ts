import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** What is signed and kept and does not count, because a right was taken away or a writer contradicted itself. */
export const voidActSchema = z
  .looseObject({
    entry: z.string(),
    kind: z.enum(["authority", "write"]),
    type: z.string().describe("Of an authority entry; for a write: write or remove."),
    object: z.string().describe("For people: with names in place of ids."),
    path: z.string().nullable().describe("Of a write."),
    value: z.json().optional().describe("Of a write; absent for a removal."),
    writer: z.string(),
    time,
    because: z.string(),
    state: z.enum(["unadopted", "adopted", "replaced", "dismissed"]),
  })
  .meta({ id: "Void" });
export type VoidItem = z.infer<typeof voidActSchema>;

export const voidActList = listOf("Void", voidActSchema);
