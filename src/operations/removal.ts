import * as z from "zod";
import { metaSchema, time } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";
import { base64url, hex } from "./query.ts";

/** What of a key's logs is lost, although it is known. */
const from = z
  .union([z.object({ time }), z.object({ entry: hex() })])
  .optional()
  .describe("From a time by the writer's own clock on, or from an entry on; without it nothing is.");

export const removalEndsOperation = defineOperation({
  name: "removal.ends",
  kind: "read",
  method: "POST",
  path: "/v1/removal-ends",
  summary: "Where the desired ledgers of keys end, to be named as what stays when the keys are cut.",
  input: z.object({ keys: z.array(hex()).min(1).max(64), from }),
  output: z.looseObject({
    meta: metaSchema,
    ends: z.array(z.looseObject({ log: hex(), seq: z.int(), hash: hex() })),
  }),
  example: { keys: ["00".repeat(32)] },
});

const voidWrite = z
  .looseObject({
    entry: hex(),
    writer: z.string(),
    time,
    path: z.string().describe("With names in place of ids."),
    removes: z.boolean().describe("It took a value away, which would be back."),
  })
  .meta({ id: "VoidWrite" });

export const removalPreviewOperation = defineOperation({
  name: "removal.preview",
  kind: "read",
  method: "POST",
  path: "/v1/removal-preview",
  summary: "Which writes of the desired state would count no more if these acts were signed.",
  input: z.object({
    log: hex().describe("The log that would carry the acts."),
    acts: z
      .array(z.object({ type: z.enum(["cut", "unrole"]), body: base64url() }))
      .min(1)
      .max(64),
  }),
  output: z.looseObject({
    meta: metaSchema,
    count: z.int(),
    writes: z.array(voidWrite).describe("The newest of them."),
  }),
  example: { log: "00".repeat(32), acts: [{ type: "cut", body: "oA" }] },
});
