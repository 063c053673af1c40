import * as z from "zod";
import { listOf, time } from "./meta.ts";

export const peerSchema = z
  .looseObject({
    name: z.string(),
    id: z.string(),
    online: z.enum(["yes", "no", "unknown"]),
    verdict: z
      .enum(["unknown", "alive", "suspect", "unreachable", "alarm", "left"])
      .optional()
      .describe("What the answering agent thinks of it. Absent for the agent itself, and where none runs."),
    verdictSince: time.optional(),
    rttMs: z.number().nullable(),
    connected: z.enum(["direct", "relayed", "no"]),
    roles: z.array(z.string()),
    lastHeard: time.nullable(),
    missingEntries: z
      .number()
      .nullable()
      .describe("Entries that this peer is known to have and the answering one lacks."),
  })
  .meta({ id: "Peer" });
export type Peer = z.infer<typeof peerSchema>;

export const peerList = listOf("Peer", peerSchema);
