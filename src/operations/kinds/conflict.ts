import * as z from "zod";
import { listOf, time } from "./meta.ts";

const writeSchema = z.looseObject({ author: z.string(), value: z.unknown(), time });

/** Concurrent writes of one path: one winner everywhere, the others kept and shown. */
export const conflictSchema = z
  .looseObject({ path: z.string(), winner: writeSchema, losers: z.array(writeSchema) })
  .meta({ id: "Conflict" });
export type Conflict = z.infer<typeof conflictSchema>;

export const conflictList = listOf("Conflict", conflictSchema);
