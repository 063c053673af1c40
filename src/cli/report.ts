import { exitCodeOf, LabError } from "../core/errors.ts";
import { toErrorBody } from "../operations/error-body.ts";
import { ago, printable } from "./render/text.ts";

export interface ReportStyle {
  readonly json: boolean;
  readonly debug: boolean;
  readonly nowMs: number;
}

export interface Report {
  readonly exit: number;
  /** For stderr, with its line end. */
  readonly text: string;
}

/** How a failure is told. A bug has no code of its own; it says so and asks for `--debug`. */
export function reportError(thrown: unknown, style: ReportStyle): Report {
  const error = thrown instanceof LabError ? thrown : bug(thrown);
  const text = style.json ? `${JSON.stringify(toErrorBody(error))}\n` : inWords(error, style.nowMs);
  return { exit: exitCodeOf(error.code), text: style.debug ? text + stackOf(error) : text };
}

function inWords(error: LabError, nowMs: number): string {
  const { peer, asOf, notes = [], hint } = error.facts;
  const seen = [peer && `seen by peer ${peer}`, asOf && `as of ${ago(asOf, nowMs)}`].filter(Boolean).join(", ");
  const lines = [`error: ${error.message}`];
  for (const note of seen === "" ? notes : [seen, ...notes]) lines.push(`  ${note}`);
  if (hint) lines.push(`hint: ${hint}`);
  return `${lines.map(printable).join("\n")}\n`;
}

function bug(thrown: unknown): LabError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new LabError(
    "Failed",
    `this is a fault in lab: ${message}`,
    { hint: "run it again with --debug and report what it prints" },
    { cause: thrown },
  );
}

function stackOf(error: LabError): string {
  const lines: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    lines.push(cause.stack ?? cause.message);
  return `${lines.join("\ncaused by ")}\n`;
}
