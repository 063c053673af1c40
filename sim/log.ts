import type { Log, LogLevel } from "../src/core/ports/log.ts";

export interface LogRecord {
  readonly level: LogLevel;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Keeps what was written, as it was written: a checker can then look for a secret that was handed over by mistake. */
export class CollectingLog implements Log {
  readonly records: LogRecord[] = [];

  write(level: LogLevel, event: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.records.push({ level, event, facts });
  }
}

/** For worlds in which nobody reads logs. */
export const droppingLog: Log = { write() {} };
