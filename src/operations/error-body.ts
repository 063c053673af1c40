import { type ErrorFacts, LabError } from "../core/errors.ts";

/** An error as it travels: the body of an HTTP answer, and what `-o json` writes on stderr. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string } & ErrorFacts;
}

export function toErrorBody(error: LabError): ErrorBody {
  const { code, message, facts } = error;
  const { hint, field, peer, asOf, notes } = facts;
  return { error: { code, message, hint, field, peer, asOf, ...(notes?.length ? { notes } : {}) } };
}

/** Nothing when the body is not an error of ours. */
export function fromErrorBody(body: unknown): LabError | undefined {
  if (!isRecord(body) || !isRecord(body["error"])) return undefined;
  const { code, message, hint, field, peer, asOf, notes } = body["error"];
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  return new LabError(code, message, {
    hint: text(hint),
    field: text(field),
    peer: text(peer),
    asOf: text(asOf),
    notes: Array.isArray(notes) ? notes.filter((note) => typeof note === "string") : [],
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
