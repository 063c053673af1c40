import * as z from "zod";
import { defineOperation } from "./operation.ts";
import { base64url } from "./query.ts";

export const ledgerExportOperation = defineOperation({
  name: "ledger.export",
  kind: "read",
  method: "GET",
  path: "/v1/ledgers/{log}",
  summary: "One author's ledger as a Yjs state update (format V1).",
  input: z.object({ log: z.string() }),
  output: z.looseObject({ log: z.string(), update: base64url() }),
  example: { log: "3f2a" },
});
