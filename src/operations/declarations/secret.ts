import * as z from "zod";
import { isAccountName } from "../../core/names.ts";
import { ALPHABET_NAMES } from "../../core/rotation/random-value.ts";
import { duration, listOf, name } from "./fields.ts";

const account = z
  .string()
  .refine(isAccountName, { error: ({ input }) => `"${String(input)}" is not an account's name` });

/** Plain digits are octal, with or without the leading zero: YAML 1.2 knows no octal that begins with 0. */
const fileMode = z.union([
  z.string().regex(/^0?[0-7]{3}$/, { error: ({ input }) => `"${String(input)}" is not a file mode, such as 0400` }),
  z.int().refine((mode) => /^[0-7]{3}$/.test(String(mode).padStart(3, "0")), {
    error: ({ input }) => `${String(input)} is not a file mode, such as 0400`,
  }),
]);

export const secretSpec = z
  .strictObject({
    type: z.enum(["static", "dynamic"]).optional().describe("Set by hand, or made by a generator (default: static)."),
    class: z
      .enum(["store", "sealed"])
      .optional()
      .describe("Kept by the stores, or sealed to its readers by the operator (default: store)."),
    generator: name("a generator").optional().describe("What makes the value: acme, ca, kubernetes …"),
    length: z
      .int()
      .min(8)
      .max(4096)
      .optional()
      .describe("How many characters, or bytes, the generator random makes (default: 32)."),
    alphabet: z
      .enum(ALPHABET_NAMES)
      .optional()
      .describe("Of which characters; bytes for raw ones (default: letters-digits)."),
    rotate_every: duration.optional().describe("How often a new value is made."),
    overlap: duration.optional().describe("How long the value before stays valid."),
    per_machine: z.boolean().optional().describe("Every machine gets a value of its own."),
    ttl: duration.optional().describe("How long a value is valid."),
    max_stale: duration.optional().describe("How long a machine may use a value without having heard from a store."),
    strict: z.boolean().optional().describe("Served only by a store that knows itself to be up to date."),
    owner: account.optional().describe("Account that owns the file on the machine."),
    group: account.optional().describe("Group of the file."),
    mode: fileMode.optional().describe("Mode of the file, in octal (default: 0400)."),
    readers: listOf(account).describe("Accounts that may read the file besides owner and group (POSIX access list)."),
    reload: z
      .string()
      .regex(/^[A-Za-z0-9@:._-]{1,200}$/, { error: ({ input }) => `"${String(input)}" is not the name of a service` })
      .optional()
      .describe("The service to reload when the value changes."),
  })
  .describe("How a secret is made, kept and delivered. Its value is never in a file: lab secret set PATH.");
