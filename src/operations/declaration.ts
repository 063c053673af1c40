import * as z from "zod";
import { metaSchema } from "./kinds/meta.ts";
import { defineOperation } from "./operation.ts";

const MOST_NAMES = 100_000;
const names = z.array(z.string()).max(MOST_NAMES);

const users = z
  .looseObject({ count: z.int(), servers: z.array(z.string()).describe("At most 1000 of them, by name.") })
  .meta({ id: "ServersThatUse" });

const declaredServer = z
  .looseObject({
    id: z.string().nullable().describe("The node's log; null while no member has the name."),
    state: z.enum(["active", "cut", "suspended"]).nullable(),
    labels: z.array(z.string()).describe("All that the member has, role labels among them."),
    attributes: z.record(z.string(), z.string()),
    record: z.json().describe("What files declare of it; null if none do."),
  })
  .meta({ id: "DeclaredServer" });

export const declarationStateOperation = defineOperation({
  name: "declaration.state",
  kind: "read",
  method: "POST",
  path: "/v1/declaration-state",
  summary: "What stands where declarations would be written: every record, and the servers that are asked about.",
  input: z.object({
    servers: names.default([]).describe("Names of servers."),
    managedBy: z.string().nullable().default(null).describe("Servers that files with this mark declare are told, too."),
    usersOf: z
      .object({ labels: names.default([]), sizes: names.default([]) })
      .default({ labels: [], sizes: [] })
      .describe("Which servers carry these labels, and which have these sizes."),
  }),
  output: z.looseObject({
    meta: metaSchema,
    mesh: z.string(),
    records: z
      .record(z.string(), z.json())
      .describe("By path: labels, groups, alerts, sizes, secrets, routes of alarms, scans of classes."),
    servers: z.record(z.string(), declaredServer),
    others: z
      .looseObject({ count: z.int(), names: z.array(z.string()) })
      .describe("Servers that were not asked about."),
    users: z.looseObject({ labels: z.record(z.string(), users), sizes: z.record(z.string(), users) }),
  }),
  example: { servers: ["web-1"] },
});
