import * as z from "zod";
import { oneOf } from "./meta.ts";

export const statusSchema = z
  .looseObject({
    peer: z.string(),
    mesh: z.string(),
    stateHash: z.string().describe("Authority, desired state and frontiers: equal on converged peers."),
    observedHash: z.string(),
    members: z.number().int(),
    online: z.number().int(),
    roles: z.array(z.string()).describe("The roles that some online member runs."),
    missingRoles: z.array(z.looseObject({ role: z.string(), effect: z.string() })),
    alarms: z.int().optional().describe("Alarms that nobody has acknowledged; absent from older peers."),
    warnings: z.array(z.string()),
  })
  .meta({ id: "Status" });
export type Status = z.infer<typeof statusSchema>;

export const oneStatus = oneOf("Status", statusSchema);
