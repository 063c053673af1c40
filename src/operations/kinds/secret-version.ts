import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** One write of a secret's value, or its removal; never a value, hash or length. */
export const secretVersionSchema = z
  .looseObject({
    path: z.string(),
    version: z.string(),
    time,
    by: z.string(),
    log: z.string().describe("Hex of the writer's log."),
    state: z
      .enum(["current", "lost", "past", "removal"])
      .describe("lost: set by somebody who did not know of the winner; kept, and can be returned to."),
    class: z.string(),
    restores: z.string().nullable().describe("The older version whose value this one is."),
    stores: z.array(z.string()).nullable().describe("Stores that hold it; null where no agent could ask them."),
  })
  .meta({ id: "SecretVersion" });
export type SecretVersion = z.infer<typeof secretVersionSchema>;

export const secretVersionList = listOf("SecretVersion", secretVersionSchema);
