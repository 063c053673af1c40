/**
 * - `malformed`: a part of a record says nothing that can be understood; the part counts as absent
 * - `dangling`: something names what no declaration describes; the reference brings nothing
 * - `undeclared`: a hint: it works, yet no declaration describes it
 * - `cycle`: groups contain each other; the references between them bring nothing
 * - `clash`: two declarations of equal standing say different things; neither holds
 * - `unknown-alert`: a label names an alert that is neither declared nor in the catalogue
 * - `bad-condition`: the condition of an alert cannot be read
 * - `not-granted`: a class that no label brings names a secret; only labels grant
 * - `name-collision`: two secrets of one server would have one name in its environment
 */
export type DiagnosticCode =
  | "malformed"
  | "dangling"
  | "undeclared"
  | "cycle"
  | "clash"
  | "unknown-alert"
  | "bad-condition"
  | "not-granted"
  | "name-collision";

export type RecordKind = "label" | "group" | "alert" | "size" | "secret" | "server" | "class" | "alarm-route";

/**
 * What does not fit together in declarations that are in force. Nothing here stops anything: it may have come from two
 * sides of a partition, so that nobody could refuse it. Alike on every peer with the same entries.
 */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly kind: RecordKind;
  readonly name: string;
  /** What is wrong and what holds instead; a sentence without a full stop. */
  readonly message: string;
}

/** By kind, name, code and message: an order that arrival has no part in. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    compareText(a.kind, b.kind) ||
    compareText(a.name, b.name) ||
    compareText(a.code, b.code) ||
    compareText(a.message, b.message)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
