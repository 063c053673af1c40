import * as z from "zod";
import { defineOperation } from "./operation.ts";
import { base64url } from "./query.ts";

export const entrySubmitOperation = defineOperation({
  name: "entry.submit",
  kind: "write",
  method: "POST",
  path: "/v1/entries",
  summary: "Hands signed entries over; the answer comes when they are durable here.",
  input: z.object({
    entries: z.array(base64url()).describe("None asks that what the disk refused before be written now."),
  }),
  output: z.looseObject({
    results: z.array(
      z.looseObject({
        hash: z.string(),
        state: z.enum(["admitted", "known", "parked", "refused"]),
        reason: z.string().optional(),
      }),
    ),
    durable: z.literal(true),
  }),
  right: "ops",
  example: { entries: ["AQID"] },
});
