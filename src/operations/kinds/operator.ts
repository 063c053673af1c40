import * as z from "zod";
import { listOf } from "./meta.ts";

/** One key of a person, with the log that it writes and what that log may do. */
export const operatorSchema = z
  .looseObject({
    name: z.string(),
    id: z.string().describe("The log that the key writes."),
    key: z.string(),
    rank: z.number().int(),
    rights: z.array(z.string()),
    need: z
      .looseObject({ admin: z.number().int(), destroy: z.number().int() })
      .optional()
      .describe("How many keys must stand behind an act."),
    device: z.string().nullable().optional().describe("Where the key lies, by the word of whoever let it in."),
    scope: z.string(),
    state: z.enum(["live", "cut"]),
  })
  .meta({ id: "Operator" });
export type Operator = z.infer<typeof operatorSchema>;

export const operatorList = listOf("Operator", operatorSchema);
