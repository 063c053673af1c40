import * as z from "zod";

/** RFC 3339, UTC. */
export const time = z.iso.datetime();

/** Whose answer it is and how fresh. */
export const metaSchema = z
  .looseObject({
    peer: z.string(),
    asOf: time.describe("When this replica last completed an exchange with another member; alone: now."),
    newest: time.nullable().describe("Clock of the newest entry folded."),
    behind: z
      .array(z.looseObject({ peer: z.string(), lastHeard: time.nullable() }))
      .describe("Members that the answering peer does not hear."),
    begins: z
      .array(z.looseObject({ operator: z.string(), entry: z.int(), at: time }))
      .optional()
      .describe("Where history is told: ledgers whose entries before this one the answering peer let go of."),
  })
  .meta({ id: "Meta" });
export type Meta = z.infer<typeof metaSchema>;

/** A list of one kind: `{ kind: "ServerList", meta, items }`. */
export function listOf<K extends string, T extends z.ZodType>(kind: K, item: T) {
  return z.looseObject({ kind: z.literal(`${kind}List` as const), meta: metaSchema, items: z.array(item) });
}

/** One thing: `{ kind: "Server", meta, item }`. */
export function oneOf<K extends string, T extends z.ZodType>(kind: K, item: T) {
  return z.looseObject({ kind: z.literal(kind), meta: metaSchema, item });
}

/** A list of one kind as a reader sees it. */
export interface ListDocument<T> {
  readonly kind: string;
  readonly meta: Meta;
  readonly items: readonly T[];
}

export interface ItemDocument<T> {
  readonly kind: string;
  readonly meta: Meta;
  readonly item: T;
}
