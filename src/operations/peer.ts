import * as z from "zod";
import { peerList } from "./kinds/peer.ts";
import { defineOperation } from "./operation.ts";

export const peerListOperation = defineOperation({
  name: "peer.list",
  kind: "read",
  method: "GET",
  path: "/v1/peers",
  summary: "Members of the mesh as the answering peer sees them.",
  input: z.object({}),
  output: peerList,
  example: {},
});
