import * as z from "zod";
import { metaSchema } from "./kinds/meta.ts";
import { operatorList } from "./kinds/operator.ts";
import { defineOperation } from "./operation.ts";
import { base64url, hex } from "./query.ts";

export const operatorListOperation = defineOperation({
  name: "operator.list",
  kind: "read",
  method: "GET",
  path: "/v1/operators",
  summary: "Operators' keys with their rank and rights.",
  input: z.object({}),
  output: operatorList,
  example: {},
});

const entryHash = () => hex().describe("Hash of an entry.");

const ownLog = z
  .looseObject({
    log: hex(),
    name: z.string().describe("Whose key it is."),
    rank: z.int(),
    rights: z.array(z.enum(["admin", "ops", "destroy"])),
    head: z
      .looseObject({ seq: z.int(), hash: entryHash() })
      .nullable()
      .describe("The last entry of its desired ledger that the answering peer has."),
  })
  .meta({ id: "OwnLog" });

/** One role log and where it ends: its last entries, and the last link of the ledger that a store writes in it. */
const roleLog = z.looseObject({
  log: hex(),
  tips: z.array(entryHash()),
  end: z.looseObject({ seq: z.int(), hash: entryHash() }).nullable().default(null),
});
export type RoleLogSubject = z.infer<typeof roleLog>;

/** What an operator has to know of a server to write about it. */
const subject = z
  .looseObject({
    id: hex().describe("The node's log."),
    key: hex(),
    state: z.enum(["active", "cut", "suspended"]),
    labels: z.array(z.string()).describe("All that it has, role labels among them."),
    attributes: z.record(z.string(), z.string()),
    roles: z
      .record(z.string(), z.array(roleLog))
      .describe("For each role label that it has: its role logs, to be kept when it goes."),
  })
  .meta({ id: "Subject" });

export const operatorContextOperation = defineOperation({
  name: "operator.context",
  kind: "read",
  method: "POST",
  path: "/v1/operator-context",
  summary: "What a key needs to know before it signs: tips, its own heads, the writes that it would supersede.",
  input: z.object({
    key: hex(),
    holds: z.array(entryHash()).default([]).describe("Entries of which the asker wants to know whether they are here."),
    knows: z
      .array(entryHash())
      .max(1000)
      .optional()
      .describe("Authority entries that the asker has, with all that they build on; without it none are sent."),
    servers: z.array(z.string()).default([]).describe("Names of servers that it will write about."),
    paths: z
      .array(z.string())
      .default([])
      .describe("Paths that it may write; `{web-1}` stands for the id of that server, as in server/{web-1}/label/app."),
  }),
  output: z.looseObject({
    meta: metaSchema,
    mesh: hex(),
    meshName: z.string(),
    nowMs: z.int(),
    self: z.looseObject({ id: hex(), name: z.string() }),
    logs: z.array(ownLog).describe("The key's live logs, the most senior first; none: it may write nothing."),
    tips: z.array(entryHash()).describe("Parents of the next authority entry: at most 64, this key's own among them."),
    seen: hex().describe("Digest of the authority heads."),
    authority: z
      .array(base64url())
      .describe(
        "Authority entries that the asker lacks, each after what it builds on: what every other answer is checked against.",
      ),
    more: z.boolean().describe("There are more of them: ask again with what came."),
    newest: z.looseObject({ ms: z.int(), count: z.int() }),
    lacks: z.array(entryHash()).describe("Those of `holds` that the answering peer does not have."),
    servers: z.record(z.string(), subject.nullable()).describe("By name; null where nobody owns it."),
    nearest: z.record(z.string(), z.array(z.string())).describe("For each name that nobody owns."),
    others: z
      .record(z.string(), z.array(entryHash()))
      .describe("By path, with ids in place of names: entries of other logs whose write there is current."),
    current: z.record(z.string(), z.json()).describe("By path, likewise: the value that counts, where there is one."),
    stores: z.array(z.looseObject({ name: z.string(), key: hex(), seal: z.string() })),
    coordinators: z.array(
      z.looseObject({
        name: z.string(),
        id: hex(),
        key: hex(),
        roleLog: hex(),
        addresses: z.array(z.string()),
        online: z.enum(["yes", "no", "unknown"]),
      }),
    ),
    recovery: z.string().nullable().describe("Age recipient of the recovery code."),
    preSharedKey: z
      .boolean()
      .default(false)
      .describe("Connections begin with a pre-shared key, which tokens have to carry."),
  }),
  example: { key: "00".repeat(32), servers: ["web-1"], paths: ["server/{web-1}/label/app"] },
});
