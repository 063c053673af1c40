/**
 * The grammar of the command line as plain data. No schema library stands behind it: a read command must start in the
 * time of a bare interpreter, so `dist/words.json` is made from it when the project is built.
 */
export interface CommandWords {
  readonly words: readonly string[];
  /** Other spellings of the words. */
  readonly aliases?: readonly (readonly string[])[];
  readonly args: readonly ArgWords[];
  readonly flags: readonly FlagWords[];
  readonly summary: string;
  readonly details?: string;
  readonly examples: readonly string[];
  /** File under `src/cli/commands/` that runs it. */
  readonly module: string;
  /** For this program's own use: no help, no completion, no promise. */
  readonly hidden?: boolean;
}

/** A command, and the heading under which `lab help` lists it. */
export interface ListedCommand extends CommandWords {
  readonly theme: string;
}

export interface ArgWords {
  readonly name: string;
  /** Takes all that is left, at least one unless `optional`. Only the last can be. */
  readonly variadic?: boolean;
  readonly optional?: boolean;
  readonly choices?: readonly string[];
  readonly complete?: Completion;
}

export interface FlagWords {
  readonly name: string;
  readonly short?: string;
  /** Other long names. */
  readonly also?: readonly string[];
  /** What the value is called; without it the flag is a switch. */
  readonly value?: string;
  readonly repeat?: boolean;
  readonly choices?: readonly string[];
  readonly complete?: Completion;
  readonly summary: string;
}

/** What a shell can propose: names from the replica, or things of this machine. */
export type Completion =
  | "server"
  | "label"
  | "group"
  | "alert"
  | "secret"
  | "size"
  /** What is of the kind that the word before says. */
  | "of-kind"
  /** What applies to the server that the word before names. */
  | "applied"
  | "attribute"
  | "context"
  | "format"
  | "file"
  | "declaration";

/** A page of `lab help`. */
export interface TopicWords {
  readonly name: string;
  readonly summary: string;
  readonly lines: readonly string[];
}

export interface WordTable {
  readonly commands: readonly ListedCommand[];
  /** Flags that every command takes, also before its words. */
  readonly globals: readonly FlagWords[];
  readonly topics: readonly TopicWords[];
}
