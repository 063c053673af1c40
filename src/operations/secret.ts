import * as z from "zod";
import { cachedSecretList } from "./kinds/cached-secret.ts";
import { secretList } from "./kinds/secret.ts";
import { defineOperation } from "./operation.ts";
import { base64url, hex } from "./query.ts";

export const secretListOperation = defineOperation({
  name: "secret.list",
  kind: "read",
  method: "GET",
  path: "/v1/secrets",
  summary: "Secrets by path, without their values.",
  input: z.object({}),
  output: secretList,
  example: {},
});

export const secretDeliverOperation = defineOperation({
  name: "secret.deliver",
  kind: "write",
  method: "POST",
  path: "/v1/secret-envelopes",
  summary: "Carries the sealed value of a version to the stores.",
  input: z.object({ path: z.string(), version: z.string(), envelope: base64url() }),
  output: z.looseObject({ stores: z.array(z.looseObject({ name: z.string(), stored: z.boolean() })) }),
  right: "ops",
  example: { path: "web/tls", version: "3f2a", envelope: "AQID" },
});

export const secretChallengeOperation = defineOperation({
  name: "secret.challenge",
  kind: "read",
  method: "POST",
  path: "/v1/secret-challenges",
  summary: "What a store gives an operator to be named in a request for a value.",
  input: z.object({ store: hex().describe("Key of the store.") }),
  output: z.looseObject({ challenge: base64url() }),
  example: { store: "3f2a" },
});

export const secretReadOperation = defineOperation({
  name: "secret.read",
  kind: "read",
  method: "POST",
  path: "/v1/secret-reads",
  summary: "Carries an operator's signed request for a value to a store, and the sealed answer back.",
  input: z.object({
    store: hex().describe("Key of the store."),
    read: base64url(),
    scheme: z.int().nonnegative(),
    signature: base64url(),
  }),
  output: z.looseObject({ answer: base64url() }),
  example: { store: "3f2a", read: "AQID", scheme: 1, signature: "AQID" },
});

/** Answered on the secrets socket only, whose file permission is the authentication. */
export const secretValueOperation = defineOperation({
  name: "secret.value",
  kind: "read",
  method: "GET",
  path: "/v1/secret-values/{path+}",
  summary: "The value of a secret that this machine is entitled to.",
  input: z.object({ path: z.string() }),
  output: z.instanceof(Uint8Array),
  produces: "application/octet-stream",
  example: { path: "web/tls" },
});

export const secretCacheListOperation = defineOperation({
  name: "secret-cache.list",
  kind: "read",
  method: "GET",
  path: "/v1/secret-cache",
  summary: "What this machine is entitled to, and what of it is cached here; never a value.",
  input: z.object({}),
  output: cachedSecretList,
  example: {},
});
