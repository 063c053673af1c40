import * as z from "zod";
import { listOf, oneOf, time } from "./meta.ts";

const peer = z.looseObject({ name: z.string(), online: z.enum(["yes", "no", "unknown"]), lastHeard: time.nullable() });
const backup = z.looseObject({ place: z.string(), madeAt: time, secrets: z.number().int() }).nullable();

/** How secrets reach this machine. */
export const secretStatusSchema = z
  .looseObject({
    cache: z.looseObject({
      entitled: z.number().int(),
      cached: z.number().int(),
      fresh: z.number().int(),
      oldest: time.nullable().describe("When the oldest of them was fetched."),
    }),
    overlaps: z
      .array(z.looseObject({ path: z.string(), until: time }))
      .optional()
      .describe("Secrets of this machine of which the value before is valid as well."),
    stores: z.array(peer),
    coordinators: z.array(peer),
    backup,
  })
  .meta({ id: "SecretStatus" });
export type SecretStatus = z.infer<typeof secretStatusSchema>;
export const oneSecretStatus = oneOf("SecretStatus", secretStatusSchema);

/** How complete the stores are, by their own words. */
export const secretStoreStatusSchema = z
  .looseObject({
    replicas: z.array(
      z.looseObject({
        name: z.string(),
        provider: z.string().nullable(),
        state: z
          .enum(["synced", "filling", "rewrapping", "unvouched", "silent"])
          .describe(
            "rewrapping: wraps values to the stores of today; unvouched: nobody vouches that it is up to date.",
          ),
        held: z.number().int(),
        current: z.number().int(),
        toWrap: z.number().int(),
        lastHeard: time.nullable(),
      }),
    ),
    total: z.number().int().describe("Secrets that have a value."),
    backup,
    consumers: z.array(z.looseObject({ label: z.string(), machines: z.number().int(), secrets: z.number().int() })),
    operators: z
      .array(z.looseObject({ name: z.string(), secrets: z.number().int() }))
      .optional()
      .describe("Operators who may read values, and of how many secrets."),
  })
  .meta({ id: "SecretStoreStatus" });
export type SecretStoreStatus = z.infer<typeof secretStoreStatusSchema>;
export const oneSecretStoreStatus = oneOf("SecretStoreStatus", secretStoreStatusSchema);

/** Something about secrets that somebody should know. */
export const secretFindingSchema = z
  .looseObject({
    kind: z.string().describe("orphaned, never-set, lost-version, exposed, silent-store …"),
    severity: z.enum(["info", "warning", "critical"]),
    paths: z.array(z.string()),
    text: z.string(),
  })
  .meta({ id: "SecretFinding" });
export type SecretFinding = z.infer<typeof secretFindingSchema>;
export const secretFindingList = listOf("SecretFinding", secretFindingSchema);

/** That a value was given to a machine or an operator, or refused. */
export const secretAccessSchema = z
  .looseObject({
    time: time.describe("Of the last time."),
    first: time,
    path: z.string(),
    machine: z.string().describe("Empty where an operator asked."),
    operator: z.string().nullish(),
    version: z.string().nullable(),
    decision: z.enum(["allowed", "denied"]),
    times: z.number().int(),
    store: z.string(),
    reason: z.string(),
  })
  .meta({ id: "SecretAccess" });
export type SecretAccess = z.infer<typeof secretAccessSchema>;
export const secretAccessList = listOf("SecretAccess", secretAccessSchema);
