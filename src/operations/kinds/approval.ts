import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** An act of authority that does not count yet, because its writer's rights need more signatures. */
export const approvalSchema = z
  .looseObject({
    entry: z.string().describe("What lab approve takes, or the beginning of it."),
    type: z.string(),
    object: z.string(),
    writer: z.string(),
    time,
    signedBy: z.array(z.string()).describe("Operators whose keys stand behind it, the writer first."),
    has: z.number().int(),
    need: z.number().int(),
  })
  .meta({ id: "Approval" });
export type Approval = z.infer<typeof approvalSchema>;

export const approvalList = listOf("Approval", approvalSchema);
