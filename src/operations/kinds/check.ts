import * as z from "zod";
import { listOf } from "./meta.ts";

export const checkSchema = z
  .looseObject({
    name: z.string(),
    state: z
      .enum(["ok", "warning", "failed", "unknown"])
      .describe("warning: it works and may not for long; unknown: it could not be checked, and the detail says why."),
    detail: z.string().describe("What was found."),
    fix: z.string().describe("What to do next; empty when there is nothing to do."),
  })
  .meta({ id: "Check" });
export type Check = z.infer<typeof checkSchema>;

export const checkList = listOf("Check", checkSchema);
