import * as z from "zod";
import { durationMs } from "../../core/duration.ts";
import { LABEL_NAME, SECRET_PATH, SERVER_NAME } from "../../core/names.ts";
import { quantityBytes } from "../../core/quantity.ts";
import type { Json } from "../../core/json.ts";
import { utf8Encode } from "../../core/utf8.ts";

/** Parts that the schemas of declarations share: what people write, before anything is made of it. */

/** A scalar is a list of one, and a key without a value an empty list. */
export function listOf<T extends z.ZodType>(item: T) {
  const asList = (value: unknown) => {
    if (value === null || value === undefined) return undefined;
    return Array.isArray(value) ? value : [value];
  };
  return z.preprocess(asList, z.array(item).max(MOST_ITEMS).optional()).optional();
}

/** What one list of a record may hold (`docs/protocol/ledgers.md`). */
const MOST_ITEMS = 1024;

/** A key without a value is an empty map. */
export function emptyable<T extends z.ZodType>(map: T) {
  return z.preprocess((value) => (value === null ? {} : value), map);
}

function matching(pattern: RegExp, why: (text: string) => string) {
  return z.string().regex(pattern, { error: ({ input }) => why(String(input)) });
}

const LETTERS = "lower-case letters, digits, dots, hyphens and underscores";

/** A name like a label's; `what` says whose, with its article. */
export function name(what: string) {
  return matching(LABEL_NAME, (text) => `"${text}" is not ${what}: ${LETTERS}`);
}

export const labelName = name("a label");
/** Where a label is meant, * means every enrolled server. */
export const labelReference = matching(
  /^([*]|(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?)$/,
  (text) => `"${text}" is not a label: ${LETTERS}`,
);
export const groupName = name("a group");
export const serverName = matching(
  SERVER_NAME,
  (text) => `"${text}" is not a server name: lower-case letters, digits and hyphens`,
);
export const secretReference = matching(
  SECRET_PATH,
  (text) => `"${text}" is not a secret's path: lower-case parts joined by slashes, such as web/tls`,
);

/** `5m`, `24h`, `90d`, or several in a row. */
export const duration = z
  .string({
    error: ({ input }) => (typeof input === "number" ? `${input} needs a unit, such as 30s, 5m or 90d` : undefined),
  })
  .refine((text) => (durationMs(text) ?? 1) % 1000 === 0, {
    error: ({ input }) => `"${String(input)}" is not a duration of whole seconds, such as 30s, 5m, 24h, 90d`,
  })
  .meta({ title: "duration", pattern: "^([0-9]+(s|m|h|d))+$" });

/** `8GB`, `8GiB`. */
export const quantity = z
  .string({
    error: ({ input }) => (typeof input === "number" ? `${input} needs a unit, such as 8GB or 8GiB` : undefined),
  })
  .refine((text) => quantityBytes(text) !== null, {
    error: ({ input }) => `"${String(input)}" is not a size, such as 8GB (8·10⁹ bytes) or 8GiB (8·2³⁰)`,
  })
  .meta({ title: "size in bytes", pattern: "^[0-9]+([.][0-9]+)? ?([kKMGTP]i?)?B$" });

/** What a ledger can hold (`docs/protocol/ledgers.md`), as a parameter of a class. */
export const jsonValue = z
  .json()
  .refine((value) => isStorable(value, 0), {
    error: "is more than one parameter can hold: 4 levels, lists of 1024, maps of 256, texts of 16,384 bytes",
  })
  .meta({ id: "JsonValue" });

/** Below the parameter itself; the record around it takes the other half of what is allowed. */
const MOST_LEVELS = 4;
const MOST_MEMBERS = 256;
const MOST_BYTES = 16_384;
const NO_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];

function isStorable(value: Json, level: number): boolean {
  if (typeof value === "string") return utf8Encode(value).length <= MOST_BYTES;
  if (typeof value !== "object" || value === null) return true;
  if (level === MOST_LEVELS) return false;
  if (Array.isArray(value)) {
    return value.length <= MOST_ITEMS && value.every((item) => isStorable(item as Json, level + 1));
  }
  const members = Object.entries(value as { readonly [key: string]: Json });
  const isKey = (key: string) => utf8Encode(key).length <= MOST_MEMBERS && !NO_KEYS.includes(key);
  return (
    members.length <= MOST_MEMBERS && members.every(([key, member]) => isKey(key) && isStorable(member, level + 1))
  );
}
