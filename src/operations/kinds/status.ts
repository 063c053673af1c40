import * as z from "zod";
import { oneOf } from "./meta.ts";

const ledgerSize = z
  .looseObject({
    operator: z.string(),
    log: z.string(),
    entries: z.int(),
    live: z.int().describe("Writes that hold the value of a path, be it that there is none."),
    dead: z.int().describe("Writes that something of the same ledger was written over."),
    checkpoint: z
      .looseObject({ entry: z.int(), at: z.string(), by: z.string() })
      .nullable()
      .describe("The last one that pins the ledger."),
    begins: z
      .looseObject({ entry: z.int(), at: z.string(), doubt: z.string().nullable() })
      .optional()
      .describe(
        "With which entry the ledger begins on this machine, whose entries before it were let go of; why they are asked for.",
      ),
  })
  .meta({ id: "LedgerSize" });
export type LedgerSize = z.infer<typeof ledgerSize>;

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
    ledgers: z.array(ledgerSize).optional().describe("Desired state, by whose ledger; absent from older peers."),
    warnings: z.array(z.string()),
  })
  .meta({ id: "Status" });
export type Status = z.infer<typeof statusSchema>;

export const oneStatus = oneOf("Status", statusSchema);
