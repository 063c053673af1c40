import type { z } from "zod";

/** What a caller can ask of an agent, as data. Handlers, help, OpenAPI and the reference are derived from it. */
export interface Operation<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  /** Stable dotted name: `server.list`. */
  readonly name: string;
  readonly kind: "read" | "write" | "stream";
  readonly method: "GET" | "POST";
  /** `{name}` is one segment of the path, `{path+}` the rest of it. */
  readonly path: string;
  readonly summary: string;
  /** Segments of the path, query and body together, by name. */
  readonly input: I;
  /** The answer; for a stream, one event. */
  readonly output: O;
  /** Media type of the answer where it is not JSON. */
  readonly produces?: "application/octet-stream" | "text/event-stream" | "text/plain; version=0.0.4; charset=utf-8";
  /** The right that what is submitted must carry; judged by the fold on every peer, not by the one that is asked. */
  readonly right?: "admin" | "ops";
  readonly example: z.input<I>;
}

export type InputOf<T extends Operation> = z.output<T["input"]>;
export type OutputOf<T extends Operation> = z.output<T["output"]>;

export function defineOperation<I extends z.ZodObject, O extends z.ZodType>(
  operation: Operation<I, O>,
): Operation<I, O> {
  return operation;
}
