import * as z from "zod";
import { parseCondition } from "../../core/alerts/condition.ts";
import { SEVERITIES } from "../../core/model/alert.ts";
import { duration, emptyable } from "./fields.ts";
import { target } from "./target.ts";

function conditionFault(text: string): string | null {
  const parsed = parseCondition(text);
  return parsed.state === "good" ? null : `column ${parsed.fault.column} of the condition: ${parsed.fault.message}`;
}

export const alertSpec = z
  .strictObject({
    target: emptyable(target).optional(),
    condition: z
      .string()
      .refine((text) => conditionFault(text) === null, { error: ({ input }) => conditionFault(String(input)) ?? "" })
      .describe("When it fires: comparisons of a metric with a number, joined by and, or, parentheses."),
    severity: z.enum(SEVERITIES).optional().describe("How bad it is (default: warning)."),
    for: duration.optional().describe("How long the condition must hold before it fires."),
  })
  .describe("A check of your own, rendered for the monitoring that sees the servers.");
