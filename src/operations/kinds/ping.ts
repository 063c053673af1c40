import * as z from "zod";
import { oneOf } from "./meta.ts";

export const pingSchema = z
  .looseObject({
    name: z.string(),
    id: z.string(),
    path: z
      .enum(["self", "direct", "dialled", "none"])
      .describe(
        "direct: a connection stood; dialled: one was made for this; none: none could be made; self: the asked peer.",
      ),
    address: z.string().nullable().describe("The other end of the connection, as the asked peer sees it."),
    sent: z.number().int(),
    received: z.number().int(),
    lossPercent: z.number(),
    minMs: z.number().nullable(),
    avgMs: z.number().nullable(),
    maxMs: z.number().nullable(),
    detail: z.string().describe("Why there was no answer; empty when all came."),
  })
  .meta({ id: "Ping" });
export type Ping = z.infer<typeof pingSchema>;

export const onePing = oneOf("Ping", pingSchema);
