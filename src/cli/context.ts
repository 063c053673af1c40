import { parseDurationMs } from "../core/duration.ts";
import { LabError } from "../core/errors.ts";
import type { WordTable } from "../operations/command.ts";
import type { Arguments, CommandContext, Flags, Globals, Terminal } from "./command.ts";
import { connectPlace } from "./connection/connect.ts";
import type { Connection } from "./connection/connection.ts";
import { type OutputFormat, parseOutputFormat } from "./argv/output-format.ts";
import type { FlagValues, Parsed } from "./argv/parse.ts";
import { findPlace, type Place } from "./connection/place.ts";
import { paint } from "./render/paint.ts";
import { printable } from "./render/text.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

/** What outlives the command: the data it printed for `--out`, its open connections, how it wants to be stopped. */
export interface Run {
  readonly context: CommandContext;
  readonly printed: (string | Uint8Array)[];
  /** Stops what the command started; nothing when it did not say how. */
  stop(): (() => void) | undefined;
  close(): Promise<void>;
}

export function createRun(parsed: Parsed & { readonly kind: "run" }, table: WordTable, io: Terminal): Run {
  const flags = readFlags(parsed.flags);
  const globals = readGlobals(flags);
  const place = placeOf(flags, io);
  const connections: Connection[] = [];
  const printed: (string | Uint8Array)[] = [];
  let stop: (() => void) | undefined;
  const say = (text: string) => io.stderr.write(`${paint(printable(text), io.color)}\n`);
  const note = (text: string) => {
    if (!globals.quiet) say(text);
  };
  const warn = (text: string) => say(`⚠ ${text}`);
  const context: CommandContext = {
    command: parsed.command,
    args: readArguments(parsed.args),
    flags,
    globals,
    io,
    place,
    table,
    async connect(needs = "replica") {
      const { peer, timeoutMs } = globals;
      const onLocal = (home: string) => {
        note(`ⓘ Running locally (${home})`);
        note("  Tip: lab agent --detach");
      };
      const connection = await connectPlace(place, { needs, peer, timeoutMs, onLocal, warn });
      connections.push(connection);
      return connection;
    },
    print(data) {
      if (flags.value("out") === undefined) io.stdout.write(data);
      else printed.push(data);
    },
    note,
    warn,
    onInterrupt(own) {
      stop = own;
    },
  };
  return {
    context,
    printed,
    stop: () => stop,
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

export function readFlags(values: FlagValues): Flags {
  return {
    on: (name) => values.has(name),
    value: (name) => values.get(name)?.at(-1),
    values: (name) => values.get(name) ?? [],
  };
}

function readArguments(values: FlagValues): Arguments {
  return {
    one(name) {
      const [value] = values.get(name) ?? [];
      if (value === undefined) throw new Error(`the grammar has no required argument ${name}`);
      return value;
    },
    all: (name) => values.get(name) ?? [],
  };
}

function readGlobals(flags: Flags): Globals {
  const timeout = flags.value("timeout");
  return {
    peer: flags.value("peer"),
    format: readFormat(flags),
    timeoutMs: timeout === undefined ? DEFAULT_TIMEOUT_MS : parseDurationMs(timeout, "timeout"),
    yes: flags.on("yes"),
    noInput: flags.on("no-input"),
    quiet: flags.on("quiet"),
    debug: flags.on("debug"),
  };
}

function readFormat(flags: Flags): OutputFormat {
  const text = flags.value("output");
  if (!flags.on("json")) return text === undefined ? { name: "table" } : parseOutputFormat(text);
  if (text === undefined || text === "json") return { name: "json" };
  throw new LabError("Usage", `--json and -o ${text} exclude each other`, { field: "output" });
}

export function placeOf(flags: Flags, io: Terminal): Place {
  const wishes = { home: flags.value("home"), socket: flags.value("socket"), context: flags.value("context") };
  return findPlace(wishes, io);
}
