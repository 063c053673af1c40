import * as z from "zod";

/** A query parameter that may stand once, several times or not at all. */
export function repeated() {
  return z.union([z.array(z.string()), z.string().transform((one) => [one])]).default([]);
}

/** A query parameter that is on when it is `true`. */
export function switched() {
  return z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]).default(false);
}

/** A whole number above zero, also when it comes as the text of a query. */
export function count() {
  return z.union([
    z.int().positive(),
    z
      .string()
      .regex(/^[1-9]\d{0,8}$/)
      .transform(Number),
  ]);
}

/** Bytes in base64url without padding (RFC 4648 §5). */
export function base64url() {
  return z.string().regex(/^[A-Za-z0-9_-]*$/, "expected base64url without padding");
}

/** Bytes in lower-case hexadecimal. */
export function hex() {
  return z.string().regex(/^([0-9a-f]{2})*$/, "expected lower-case hexadecimal");
}
