import * as z from "zod";
import {
  oneAlertApplied,
  oneGroupApplied,
  oneLabelApplied,
  oneSecretApplied,
  oneServerApplied,
  oneServerTargets,
} from "./kinds/applied.ts";
import { defineOperation } from "./operation.ts";

/** What applies where, from both ends. */

const named = z.object({ name: z.string() });

export const serverAppliedOperation = defineOperation({
  name: "server.applied",
  kind: "read",
  method: "GET",
  path: "/v1/applied/servers/{name}",
  summary: "Everything that applies to a server, and what each thing comes from.",
  input: named,
  output: oneServerApplied,
  example: { name: "web-1" },
});

export const serverTargetsOperation = defineOperation({
  name: "server.targets",
  kind: "read",
  method: "GET",
  path: "/v1/targets/servers/{name}",
  summary: "What means a server.",
  input: named,
  output: oneServerTargets,
  example: { name: "web-1" },
});

export const labelAppliedOperation = defineOperation({
  name: "label.applied",
  kind: "read",
  method: "GET",
  path: "/v1/applied/labels/{name}",
  summary: "Where a label is and what it brings.",
  input: named,
  output: oneLabelApplied,
  example: { name: "web" },
});

export const groupAppliedOperation = defineOperation({
  name: "group.applied",
  kind: "read",
  method: "GET",
  path: "/v1/applied/groups/{name}",
  summary: "What a group contains and whom it leaves out.",
  input: named,
  output: oneGroupApplied,
  example: { name: "production" },
});

export const alertAppliedOperation = defineOperation({
  name: "alert.applied",
  kind: "read",
  method: "GET",
  path: "/v1/applied/alerts/{name}",
  summary: "Which servers an alert is about, and where it is rendered to.",
  input: named,
  output: oneAlertApplied,
  example: { name: "disk_space_low" },
});

export const secretAppliedOperation = defineOperation({
  name: "secret.applied",
  kind: "read",
  method: "GET",
  path: "/v1/applied/secrets",
  summary: "Who may read a secret, and through what.",
  input: z.object({ path: z.string() }),
  output: oneSecretApplied,
  example: { path: "web/tls" },
});
