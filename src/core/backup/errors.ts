import { type ErrorFacts, LabError } from "../errors.ts";

/** Bytes of a backup are not what its manifest says: altered, cut short, or gone. */
export class BackupDamagedError extends LabError {
  constructor(what: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super("BackupDamaged", what, { hint: "an older backup may be whole: lab backup list PLACE", ...facts }, options);
  }
}

/** Whole, and nothing to trust: signed by nobody who may, or put in the place of another. */
export class BackupRefusedError extends LabError {
  constructor(what: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super("BackupRefused", what, facts, options);
  }
}

/** The place does not do what is asked of it. */
export class BackupPlaceError extends LabError {
  constructor(what: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super("BackupPlaceFailed", what, facts, options);
  }
}
