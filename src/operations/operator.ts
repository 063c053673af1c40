import { z } from "zod";
import { time } from "./kinds/meta.ts";
import { operatorList } from "./kinds/operator.ts";
import { defineOperation } from "./operation.ts";
import { hex } from "./query.ts";

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

const head = z.looseObject({ seq: z.int(), hash: z.string() });

export const operatorContextOperation = defineOperation({
  name: "operator.context",
  kind: "read",
  method: "POST",
  path: "/v1/operator-context",
  summary: "What a key needs to know before it signs: tips, its own head, the writes it would supersede.",
  input: z.object({ key: hex(), paths: z.array(z.string()).default([]), names: z.array(z.string()).default([]) }),
  output: z.looseObject({
    mesh: z.string(),
    now: time,
    authority: z.looseObject({ tips: z.array(z.looseObject({ hash: z.string(), log: z.string() })) }),
    log: z.string().nullable(),
    head: head.nullable(),
    rights: z.array(z.string()),
    names: z.record(z.string(), z.looseObject({ id: z.string(), log: z.string() })),
    others: z.record(z.string(), z.array(z.looseObject({ log: z.string(), seq: z.int() }))),
    hlc: z.looseObject({ ms: z.int(), count: z.int() }),
  }),
  example: { key: "00".repeat(32), paths: ["servers/web-1/labels/app"], names: ["web-1"] },
});
