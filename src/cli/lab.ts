import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { exitCodeOf } from "../core/errors.ts";
import type { WordTable } from "../operations/command.ts";
import type { Terminal } from "./command.ts";
import { COMMAND_MODULES } from "./commands.ts";
import { createRun, type Run } from "./context.ts";
import { type Parsed, parseArgv } from "./argv/parse.ts";
import { reportError } from "./report.ts";
import { loadWords } from "./argv/words.ts";

export const EXIT_INTERRUPTED = 130;
/** As env(1) says it. */
const EXIT_NOT_STARTED = 125;

/** How the surroundings reach a command that is under way. */
export interface Interrupts {
  /** Called once per run with what the first Ctrl-C shall do. */
  listen(stop: () => (() => void) | undefined): void;
}

/** Runs one command line to its exit code. Everything that it says goes through `io`; it throws nothing. */
export async function lab(argv: readonly string[], io: Terminal, interrupts?: Interrupts): Promise<number> {
  try {
    if (argv[0] === "__complete") return await complete(argv.slice(1), io);
    const table = await loadWords();
    const parsed = parseArgv(table, argv[0] === "--version" ? ["version", ...argv.slice(1)] : argv);
    if (parsed.kind === "run") return await runCommand(parsed, table, io, interrupts);
    const { printHelp } = await import("./argv/help.ts");
    io.stdout.write(printHelp(table, parsed.words));
    return 0;
  } catch (error) {
    // Read from the bare words, because a line that cannot be understood must be answered in its format, too.
    const json = argv.some((word, i) => /^(--json|-o=?json|--output=json)$/.test(word) || asksJson(argv, i));
    const report = reportError(error, { json, debug: argv.includes("--debug"), nowMs: io.now() });
    io.stderr.write(report.text);
    return runsAnother(argv) ? ownFailure(report.exit) : report.exit;
  }
}

/** The exit codes of `lab secret exec` are its command's: its own failures must not look like one of them. */
function runsAnother(argv: readonly string[]): boolean {
  return argv[0] === "secret" && argv[1] === "exec";
}

function ownFailure(exit: number): number {
  return exit === exitCodeOf("NotExecutable") || exit === exitCodeOf("CommandNotFound") ? exit : EXIT_NOT_STARTED;
}

async function runCommand(
  parsed: Parsed & { readonly kind: "run" },
  table: WordTable,
  io: Terminal,
  interrupts: Interrupts | undefined,
): Promise<number> {
  const run = createRun(parsed, table, io);
  interrupts?.listen(() => run.stop());
  try {
    const load = COMMAND_MODULES[parsed.command.module];
    if (!load) throw new Error(`no module runs "${parsed.command.words.join(" ")}"`);
    const code = await (await load()).run(run.context);
    writeOut(run, io);
    return code;
  } finally {
    await run.close();
  }
}

function writeOut({ context, printed }: Run, io: Terminal): void {
  const out = context.flags.value("out");
  // A command that makes a directory of files writes them itself and prints nothing.
  if (out === undefined || printed.length === 0) return;
  // Bytes are a secret's value; only its reader may read the file.
  const mode = printed.some((data) => typeof data !== "string") ? 0o600 : 0o666;
  writeFileSync(resolve(io.cwd, out), Buffer.concat(printed.map((data) => Buffer.from(data as string))), { mode });
}

async function complete(argv: readonly string[], io: Terminal): Promise<number> {
  const [table, { complete: propose }] = await Promise.all([loadWords(), import("./argv/complete.ts")]);
  io.stdout.write(await propose(table, argv[0] === "--" ? argv.slice(1) : argv, io));
  return 0;
}

function asksJson(argv: readonly string[], i: number): boolean {
  return (argv[i] === "-o" || argv[i] === "--output") && argv[i + 1] === "json";
}
