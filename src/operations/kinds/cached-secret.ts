import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** What one machine has of a secret that it is entitled to; never a value. */
export const cachedSecretSchema = z
  .looseObject({
    path: z.string(),
    version: z.string().nullable().describe("Null while nothing is cached."),
    status: z
      .enum(["fresh", "stale", "withheld", "expired", "missing"])
      .describe(
        "stale: an older version, or due to be fetched anew, and given meanwhile; withheld: what granted it is void; " +
          "expired: past its max_stale; missing: no store gave it yet.",
      ),
    fetched: time.nullable(),
    beforeUntil: time.nullish().describe("Until then the value before is valid as well, and held here: PATH.before."),
    refresh: time.nullable().describe("When it is fetched anew without a new version; null if it never is."),
  })
  .meta({ id: "CachedSecret" });
export type CachedSecret = z.infer<typeof cachedSecretSchema>;

export const cachedSecretList = listOf("CachedSecret", cachedSecretSchema);
