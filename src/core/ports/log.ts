export type LogLevel = "debug" | "info" | "warn" | "error";

/** Operational log of one agent. Facts are plain data; a secret's type refuses to be one. */
export interface Log {
  write(level: LogLevel, event: string, facts?: Readonly<Record<string, unknown>>): void;
}
