import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** `token`, the bearer secret, is only in the answer of the command that made it; lists never carry it. */
export const tokenSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().nullable(),
    labels: z.array(z.string()),
    expires: time,
    issuer: z.string(),
    status: z.enum(["open", "redeemed", "expired", "void", "revoked"]).optional(),
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof tokenSchema>;

export const tokenList = listOf("Token", tokenSchema);
