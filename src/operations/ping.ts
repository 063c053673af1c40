import * as z from "zod";
import { onePing } from "./kinds/ping.ts";
import { defineOperation } from "./operation.ts";

export const MAX_ROUND_TRIPS = 100;

export const peerPingOperation = defineOperation({
  name: "peer.ping",
  kind: "write",
  method: "POST",
  path: "/v1/peers/{name}/ping",
  summary: "Round trips over the mesh from the asked peer to another member, one after the other.",
  input: z.object({
    name: z.string().describe("Name, id or key of the member."),
    count: z.coerce.number().int().min(1).max(MAX_ROUND_TRIPS).default(5),
  }),
  output: onePing,
  example: { name: "nas-1" },
});
