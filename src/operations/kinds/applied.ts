import * as z from "zod";
import { ruleSchema } from "./group.ts";
import { puppetClassSchema } from "./label.ts";
import { oneOf } from "./meta.ts";
import { serverSchema } from "./server.ts";

/** What something comes from (`declarations.md`, JSON of the views). */
const fromSchema = z.looseObject({ kind: z.string(), name: z.string() }).meta({ id: "From" });
export type From = z.infer<typeof fromSchema>;
const from = z.array(fromSchema);

export const serverApplied = z
  .looseObject({
    server: serverSchema,
    groups: z.array(z.string()),
    groupReasons: z.array(z.looseObject({ name: z.string(), from })).describe("By what it is in each group."),
    puppetClasses: z.array(z.looseObject({ name: z.string(), parameters: z.record(z.string(), z.unknown()), from })),
    alerts: z.array(
      z.looseObject({
        name: z.string(),
        severity: z.string(),
        origin: z.enum(["user", "auto"]),
        from,
        state: z.string().describe("unknown until a source of health says."),
      }),
    ),
    secrets: z.array(z.looseObject({ path: z.string(), access: z.string(), from })),
    ports: z.array(z.looseObject({ port: z.number(), from })),
    excludedFrom: z.array(z.looseObject({ kind: z.string(), name: z.string(), by: fromSchema })),
  })
  .meta({ id: "ServerApplied" });
export type ServerApplied = z.infer<typeof serverApplied>;
export const oneServerApplied = oneOf("ServerApplied", serverApplied);

export const serverTargets = z
  .looseObject({
    server: z.string(),
    labels: z.array(z.string()),
    groups: z.array(z.string()),
    environment: z.string().nullable(),
    alerts: z.array(z.looseObject({ name: z.string(), from })),
    puppetClasses: z.array(z.looseObject({ name: z.string(), from })),
    secrets: z.array(z.looseObject({ path: z.string(), from })),
  })
  .meta({ id: "ServerTargets" });
export type ServerTargets = z.infer<typeof serverTargets>;
export const oneServerTargets = oneOf("ServerTargets", serverTargets);

/** A server in a page about something else. */
const shownServer = z.looseObject({
  name: z.string(),
  provider: z.string().nullable(),
  environment: z.string().nullable(),
});

export const labelApplied = z
  .looseObject({
    name: z.string(),
    servers: z.array(z.string()),
    serverDetails: z.array(serverSchema).describe("The same servers with their pillars."),
    puppetClasses: z.array(puppetClassSchema),
    alerts: z.array(z.string()),
    secrets: z.array(z.string()),
    ports: z.array(z.number()),
    size: z.string().nullable(),
    targetedBy: z.array(z.string()).describe("Alerts whose target names the label."),
  })
  .meta({ id: "LabelApplied" });
export type LabelApplied = z.infer<typeof labelApplied>;
export const oneLabelApplied = oneOf("LabelApplied", labelApplied);

const subgroup: z.ZodType<Subgroup> = z.lazy(() =>
  z.looseObject({ name: z.string(), servers: z.number(), subgroups: z.array(subgroup) }),
);
export interface Subgroup {
  readonly name: string;
  readonly servers: number;
  readonly subgroups: readonly Subgroup[];
}

export const groupApplied = z
  .looseObject({
    name: z.string(),
    groups: z.array(z.string()),
    servers: z.array(z.string()),
    excluded: z.array(z.looseObject({ name: z.string(), by: fromSchema })),
    alerts: z.array(z.looseObject({ name: z.string(), severity: z.string(), group: z.string() })),
    subgroups: z.array(subgroup),
  })
  .meta({ id: "GroupApplied" });
export type GroupApplied = z.infer<typeof groupApplied>;
export const oneGroupApplied = oneOf("GroupApplied", groupApplied);

export const alertApplied = z
  .looseObject({
    name: z.string(),
    severity: z.string(),
    condition: z.string(),
    for: z.string(),
    origin: z.enum(["user", "auto"]),
    target: ruleSchema.nullable(),
    servers: z.array(shownServer.extend({ state: z.string(), value: z.number().nullable() })),
    excluded: z.array(z.looseObject({ name: z.string(), by: fromSchema })),
    rendered: z.array(z.looseObject({ backend: z.string(), place: z.string() })),
  })
  .meta({ id: "AlertApplied" });
export type AlertApplied = z.infer<typeof alertApplied>;
export const oneAlertApplied = oneOf("AlertApplied", alertApplied);

export const secretApplied = z
  .looseObject({
    path: z.string(),
    type: z.string(),
    class: z.string(),
    accessibleBy: z.array(
      z.looseObject({
        label: z.string(),
        puppetClass: z.string().nullable(),
        reference: z.string().nullable(),
        place: z.string().nullable(),
      }),
    ),
    machines: z.array(shownServer.extend({ lastFetched: z.string().nullable() })),
    operators: z
      .array(z.looseObject({ name: z.string(), key: z.string(), lastFetched: z.string().nullable() }))
      .optional()
      .describe("Operators who may read the value besides the machines."),
    overlapUntil: z.string().nullish().describe("Until then the value before is valid as well."),
    lastRotated: z.string().nullable(),
    setBy: z.string().nullable(),
  })
  .meta({ id: "SecretApplied" });
export type SecretApplied = z.infer<typeof secretApplied>;
export const oneSecretApplied = oneOf("SecretApplied", secretApplied);
