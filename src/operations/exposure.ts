import * as z from "zod";
import { metaSchema, time } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";
import { hex } from "./query.ts";

const holder = z.looseObject({
  name: z.string(),
  node: hex().describe("Id of the machine; of an operator the key."),
  as: z.enum(["machine", "operator", "store"]).describe("Was served the value, or kept the values of all."),
  since: time,
});

const exposureSchema = z
  .looseObject({
    path: z.string(),
    version: hex(),
    type: z.enum(["dynamic", "static"]).describe("A store makes a new value at once, or somebody has to set one."),
    since: time,
    deadline: time.nullable(),
    overdue: z.boolean(),
    holders: z.array(holder),
  })
  .meta({ id: "Exposure" });

export const exposureListOperation = defineOperation({
  name: "secret.exposures",
  kind: "read",
  method: "GET",
  path: "/v1/exposures",
  summary: "Values that somebody has who was removed, or who kept them as a store and is none any more.",
  input: z.object({}),
  output: z.looseObject({
    meta: metaSchema,
    items: z.array(exposureSchema),
    incomplete: z
      .array(z.looseObject({ store: z.string(), lastHeard: time.nullable(), standing: z.enum(["active", "gone"]) }))
      .describe("Stores that may have given more than is known here."),
  }),
  example: {},
});
export type ExposureDocument = z.infer<typeof exposureListOperation.output>;
