import * as z from "zod";
import { metaSchema } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";

export const meshPullOperation = defineOperation({
  name: "mesh.pull",
  kind: "write",
  method: "POST",
  path: "/v1/pull",
  summary: "Makes the peer ask every member for what it lacks; the answer says who could not be asked.",
  input: z.object({}),
  output: z.looseObject({
    meta: metaSchema,
    members: z.array(
      z.looseObject({
        name: z.string(),
        state: z
          .enum(["asked", "silent"])
          .describe("asked: the peer has now what this member had; silent: it did not answer in time."),
        lastHeard: z.string().nullable(),
      }),
    ),
  }),
  example: {},
});
