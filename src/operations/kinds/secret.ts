import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** What every peer may know of a secret: never a value, hash or length. */
export const secretSchema = z
  .looseObject({
    path: z.string(),
    type: z.enum(["static", "dynamic"]),
    class: z.enum(["store", "sealed"]),
    generator: z.string().nullable(),
    version: z.string().nullable(),
    usedBy: z.array(z.looseObject({ label: z.string(), servers: z.number().int() })),
    setBy: z.string().nullable(),
    lastRotated: time.nullable(),
    expires: time.nullable(),
    status: z.string(),
  })
  .meta({ id: "Secret" });
export type Secret = z.infer<typeof secretSchema>;

export const secretList = listOf("Secret", secretSchema);
