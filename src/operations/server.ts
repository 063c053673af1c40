import * as z from "zod";
import { oneServer, serverList } from "./kinds/server.ts";
import { defineOperation } from "./operation.ts";
import { repeated, switched } from "./query.ts";

export const serverListOperation = defineOperation({
  name: "server.list",
  kind: "read",
  method: "GET",
  path: "/v1/servers",
  summary: "Servers, all or those that names and selectors mean.",
  input: z.object({
    selector: repeated().describe("Selector strings; all must hold."),
    names: repeated(),
    allowEmpty: switched().describe("No match is an empty list instead of an error."),
  }),
  output: serverList,
  example: { selector: ["prod,region=eu-west"] },
});

export const serverGetOperation = defineOperation({
  name: "server.get",
  kind: "read",
  method: "GET",
  path: "/v1/servers/{name}",
  summary: "One server.",
  input: z.object({ name: z.string() }),
  output: oneServer,
  example: { name: "web-1" },
});
