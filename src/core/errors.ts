/** Facts that an error can carry for people: what to do next, which field, whose word it is. */
export interface ErrorFacts {
  /** What to do next. */
  readonly hint?: string;
  /** The input field that is at fault, dotted. */
  readonly field?: string;
  /** Key or name of the peer that said so. */
  readonly peer?: string;
  /** How fresh that peer's word is (RFC 3339). */
  readonly asOf?: string;
  /** Lines between the message and the hint: what is known, since when, what is near. */
  readonly notes?: readonly string[];
}

/**
 * An error of the world or of the user, with a stable code. Bugs are plain `Error`s and crash.
 * Subclasses exist where code, facts and message belong together; {@link errorOf} makes the others.
 */
export class LabError extends Error {
  readonly code: string;
  readonly facts: ErrorFacts;

  constructor(code: string, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = code;
    this.code = code;
    this.facts = facts;
  }
}

interface ErrorKind {
  readonly exit: number;
  readonly http: number;
}

/** The one table from code to exit code and HTTP status (`cli.md`, exit codes). */
export const ERROR_KINDS: Readonly<Record<string, ErrorKind>> = {
  Failed: { exit: 1, http: 500 },
  DiskFull: { exit: 1, http: 507 },
  DeliveryFailed: { exit: 1, http: 500 },
  DiskFailed: { exit: 1, http: 500 },
  SealBroken: { exit: 1, http: 500 },
  PeerFailed: { exit: 1, http: 502 },
  PeerUnreachable: { exit: 1, http: 502 },
  Busy: { exit: 1, http: 503 },
  BackupDamaged: { exit: 1, http: 500 },
  BackupPlaceFailed: { exit: 1, http: 502 },
  SecretUnavailable: { exit: 1, http: 503 },
  SocketInUse: { exit: 1, http: 500 },
  HomeInUse: { exit: 1, http: 500 },
  Usage: { exit: 2, http: 400 },
  Invalid: { exit: 2, http: 400 },
  InvalidName: { exit: 2, http: 400 },
  InvalidFile: { exit: 2, http: 400 },
  TooLarge: { exit: 2, http: 413 },
  ConfirmationNeeded: { exit: 2, http: 400 },
  AlreadyExists: { exit: 2, http: 409 },
  NotAuthorised: { exit: 4, http: 403 },
  TokenRefused: { exit: 4, http: 403 },
  EntryRefused: { exit: 4, http: 403 },
  BackupRefused: { exit: 4, http: 403 },
  PeerContradicted: { exit: 4, http: 502 },
  WrongMachine: { exit: 4, http: 500 },
  WrongMesh: { exit: 4, http: 403 },
  Removed: { exit: 4, http: 403 },
  NotFound: { exit: 5, http: 404 },
  NothingMatched: { exit: 5, http: 404 },
  NoHome: { exit: 7, http: 503 },
  NoAgent: { exit: 7, http: 503 },
  ClockOff: { exit: 1, http: 409 },
  Conflict: { exit: 8, http: 409 },
  InUse: { exit: 8, http: 409 },
  StalePlan: { exit: 8, http: 409 },
  // What `lab secret exec` says before its command starts, as env(1) does.
  NotExecutable: { exit: 126, http: 500 },
  CommandNotFound: { exit: 127, http: 404 },
  PeerTimeout: { exit: 124, http: 504 },
  Timeout: { exit: 124, http: 504 },
  Interrupted: { exit: 130, http: 499 },
};

export function exitCodeOf(code: string): number {
  return ERROR_KINDS[code]?.exit ?? 1;
}

export function httpStatusOf(code: string): number {
  return ERROR_KINDS[code]?.http ?? 500;
}

/** What was named does not exist; carries the nearest names. */
export class NotFoundError extends LabError {
  constructor(kind: string, name: string, nearest: readonly string[] = []) {
    const notes = nearest.length > 0 ? [`nearest: ${nearest.join(", ")}`] : [];
    super("NotFound", `${kind} "${name}" does not exist`, { notes, hint: `lab get ${kind}s` });
  }
}

/** Sealed bytes that were for us and do not open: altered, or cut short. */
export class SealBrokenError extends LabError {
  constructor(options?: ErrorOptions) {
    super("SealBroken", "a sealed value is damaged or was altered", {}, options);
  }
}
