import { LabError } from "../core/errors.ts";
import type { InputOf, Operation } from "./operation.ts";

/** A request as it came: the three places where input can stand. */
export interface RawInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Iterable<readonly [name: string, value: string]>;
  readonly body?: unknown;
}

/** The input of an operation, checked. Throws `Invalid` that names the field. */
export function parseInput<T extends Operation>(operation: T, raw: RawInput): InputOf<T> {
  const { body } = raw;
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  if (body !== undefined && !isObject) throw new LabError("Invalid", "the body is not a JSON object");
  const result = operation.input.safeParse({ ...gather(raw.query ?? []), ...body, ...raw.params });
  if (result.success) return result.data as InputOf<T>;
  const issue = result.error.issues[0];
  const field = issue?.path.join(".") ?? "";
  throw new LabError("Invalid", `${operation.name}: ${field === "" ? "" : `${field} - `}${issue?.message}`, {
    ...(field === "" ? {} : { field }),
  });
}

function gather(query: Iterable<readonly [string, string]>): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  for (const [name, value] of query) {
    const earlier = fields.get(name);
    fields.set(name, earlier === undefined ? value : [earlier, value].flat());
  }
  return Object.fromEntries(fields);
}
