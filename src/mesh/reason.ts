export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** What libp2p tried at several addresses failed in as many ways. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join("; ");
  return asError(error).message;
}
