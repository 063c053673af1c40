import * as z from "zod";
import { puppetClassSchema } from "./label.ts";
import { listOf } from "./meta.ts";

/** A rule of targeting: by key the values of which one has to hold. */
export const ruleSchema = z.record(z.string(), z.unknown());

export const groupSchema = z
  .looseObject({
    name: z.string(),
    servers: z.array(z.string()).describe("Who is in it, by name."),
    groups: z.array(z.string()).describe("Its subgroups."),
    excluded: z.array(z.string()).describe("Who would be in it and is excluded."),
    match: ruleSchema.nullable(),
    named: z.array(z.string()).describe("Servers that are declared to be in it by name."),
    exclude: ruleSchema.nullable(),
    puppetClasses: z.array(puppetClassSchema),
  })
  .meta({ id: "Group" });
export type Group = z.infer<typeof groupSchema>;

export const groupList = listOf("Group", groupSchema);
