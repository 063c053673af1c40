import * as z from "zod";
import { oneSecretStatus, oneSecretStoreStatus, secretAccessList, secretFindingList } from "./kinds/secret-report.ts";
import { secretVersionList } from "./kinds/secret-version.ts";
import { defineOperation } from "./operation.ts";

export const secretVersionListOperation = defineOperation({
  name: "secret-version.list",
  kind: "read",
  method: "GET",
  path: "/v1/secret-versions",
  summary: "All versions of a secret, the current one first; never a value.",
  input: z.object({ path: z.string() }),
  output: secretVersionList,
  example: { path: "web/tls" },
});

export const secretRestoreOperation = defineOperation({
  name: "secret.restore",
  kind: "write",
  method: "POST",
  path: "/v1/secret-restorations",
  summary: "Has the stores seal an older value as the version that an operator has signed for it.",
  input: z.object({ path: z.string(), version: z.string() }),
  output: z.looseObject({
    stores: z.array(z.looseObject({ name: z.string(), stored: z.boolean(), reason: z.string().optional() })),
  }),
  right: "ops",
  example: { path: "web/tls", version: "3f2a" },
});

export const secretStatusOperation = defineOperation({
  name: "secret-status.get",
  kind: "read",
  method: "GET",
  path: "/v1/secret-status",
  summary: "How secrets reach this machine: its cache, the stores, the last backup.",
  input: z.object({}),
  output: oneSecretStatus,
  example: {},
});

export const secretStoreStatusOperation = defineOperation({
  name: "secret-store-status.get",
  kind: "read",
  method: "GET",
  path: "/v1/secret-stores",
  summary: "How complete the secret stores are, by their own words.",
  input: z.object({}),
  output: oneSecretStoreStatus,
  example: {},
});

export const secretFindingListOperation = defineOperation({
  name: "secret-finding.list",
  kind: "read",
  method: "GET",
  path: "/v1/secret-findings",
  summary: "What is wrong with secrets: never set, orphaned, readable by a machine that was a store.",
  input: z.object({}),
  output: secretFindingList,
  example: {},
});

export const secretAccessListOperation = defineOperation({
  name: "secret-access.list",
  kind: "read",
  method: "GET",
  path: "/v1/secret-accesses",
  summary: "Which machine was given which secret when, and what was refused, by all stores.",
  input: z.object({ path: z.string().optional(), since: z.string().optional() }),
  output: secretAccessList,
  example: { path: "web/tls" },
});
