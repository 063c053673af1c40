import * as z from "zod";
import { time } from "./meta.ts";

/** One server-sent event: its name, its id and its JSON data. */
export const eventSchema = z
  .discriminatedUnion("event", [
    z.looseObject({
      event: z.literal("entry"),
      id: z.string(),
      data: z.looseObject({ time, hash: z.string(), author: z.string(), action: z.string(), object: z.string() }),
    }),
    z.looseObject({
      event: z.literal("view"),
      id: z.string(),
      data: z.looseObject({ time, stateHash: z.string() }),
    }),
    z.looseObject({
      event: z.literal("peer"),
      id: z.string(),
      data: z.looseObject({ time, name: z.string(), online: z.enum(["yes", "no", "unknown"]) }),
    }),
    z.looseObject({
      event: z.literal("alarm"),
      id: z.string(),
      data: z.looseObject({
        time,
        id: z.string(),
        kind: z.string(),
        about: z.string(),
        state: z.enum(["raised", "resolved"]),
        detail: z.string(),
      }),
    }),
  ])
  .meta({ id: "Event" });
export type LabEvent = z.infer<typeof eventSchema>;
