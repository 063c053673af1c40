import * as z from "zod";
import { listOf, oneOf, time } from "./meta.ts";

/** The worst component decides; an unknown component makes `unknown` unless something is already worse. */
export const pillarSchema = z
  .looseObject({
    state: z.enum(["ok", "drift", "failed", "warning", "pending", "unknown"]),
    detail: z.string().describe("A word or two for people, such as enrolled or 2 alrt; empty when there is no source."),
  })
  .meta({ id: "Pillar" });
export type Pillar = z.infer<typeof pillarSchema>;

export const serverSchema = z
  .looseObject({
    name: z.string(),
    id: z.string().nullable().describe("The node's log; null while it is pending."),
    provider: z.string().nullable(),
    labels: z.array(z.string()),
    roles: z.array(z.string()).describe("The roles that run there now."),
    groups: z.array(z.string()),
    environment: z.string().nullable(),
    region: z.string().nullable(),
    size: z.string().nullable(),
    addresses: z.array(z.string()),
    online: z.enum(["yes", "no", "unknown"]),
    lastSeen: time.nullable(),
    enrolled: time.nullable(),
    sync: pillarSchema,
    puppet: pillarSchema,
    health: pillarSchema,
    identity: pillarSchema,
  })
  .meta({ id: "Server" });
export type Server = z.infer<typeof serverSchema>;

export const serverList = listOf("Server", serverSchema);
export const oneServer = oneOf("Server", serverSchema);
