import type { CommandWords, WordTable } from "../operations/command.ts";
import type { Connection } from "./connection/connection.ts";
import type { OutputFormat } from "./argv/output-format.ts";
import type { Place } from "./connection/place.ts";

/** What a file under `commands/` exports. */
export interface CommandModule {
  /** Does the work and returns the exit code; failures are thrown as `LabError`. */
  run(ctx: CommandContext): Promise<number>;
}

/** Everything that a command gets. */
export interface CommandContext {
  /** The words that were typed decide between commands that share a module. */
  readonly command: CommandWords;
  readonly args: Arguments;
  readonly flags: Flags;
  readonly globals: Globals;
  readonly io: Terminal;
  /** Which home, socket and operator are meant. */
  readonly place: Place;
  readonly table: WordTable;
  /**
   * Reaches what the command needs (default: a replica). A `replica` is a running agent or else its home, and then
   * stderr says so; an `agent` must run, or it throws `NoAgent`. Throws `NoHome` when there is neither. The connection
   * is closed when the command ends.
   */
  connect(needs?: Needs): Promise<Connection>;
  /** Data, with its line ends, to stdout or to `--out`. */
  print(data: string | Uint8Array): void;
  /** A hint or progress, to stderr; silent with `-q`. */
  note(text: string): void;
  /** What must not be overlooked, to stderr; not silenced. */
  warn(text: string): void;
  /** What to do at the first Ctrl-C instead of ending with 130; the second always ends. */
  onInterrupt(stop: () => void): void;
}

export type Needs = "replica" | "agent";

export interface Arguments {
  /** An argument that the grammar requires. */
  one(name: string): string;
  /** All values of a variadic argument. */
  all(name: string): readonly string[];
}

export interface Flags {
  on(name: string): boolean;
  value(name: string): string | undefined;
  values(name: string): readonly string[];
}

export interface Globals {
  readonly peer: string | undefined;
  readonly format: OutputFormat;
  readonly timeoutMs: number;
  readonly yes: boolean;
  readonly noInput: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** The streams and what is known of them. Tests give their own. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
  /** Columns of the terminal on stdout; nothing when it is not one. */
  readonly columns: number | undefined;
  readonly color: boolean;
  now(): number;
}

export interface Sink {
  readonly isTTY?: boolean;
  write(data: string | Uint8Array): unknown;
}
