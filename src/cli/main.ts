import type { Terminal } from "./command.ts";
import { EXIT_INTERRUPTED, type Interrupts, lab } from "./lab.ts";
import { wantsColor } from "./render/paint.ts";

/** A reader that has seen enough (`lab get servers | head -1`) is no failure. */
function endQuietlyOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
}

/**
 * Of this process. Colours are decided here, because `--color` stands in the command line. Opening stdin costs 4 ms and
 * stderr 1 ms, which a command that neither asks nor complains does not spend.
 */
function processTerminal(argv: readonly string[]): Terminal {
  const { stdout, env } = process;
  let stderr: NodeJS.WriteStream | undefined;
  return {
    get stdin() {
      return process.stdin;
    },
    stdout,
    get stderr() {
      if (!stderr) {
        stderr = process.stderr;
        endQuietlyOnClosedPipe(stderr);
      }
      return stderr;
    },
    env,
    cwd: process.cwd(),
    uid: process.getuid?.() ?? 1,
    columns: stdout.isTTY ? stdout.columns : undefined,
    color: wantsColor(colorWish(argv), stdout.isTTY, env),
    now: Date.now,
  };
}

function colorWish(argv: readonly string[]): string {
  const at = argv.indexOf("--color");
  return (at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith("--color="))?.slice(8)) ?? "auto";
}

/** The first Ctrl-C asks the command to stop, if it said how; the next one ends it. */
const interrupts: Interrupts = {
  listen(stop) {
    process.once("SIGINT", () => {
      process.once("SIGINT", () => process.exit(EXIT_INTERRUPTED));
      const own = stop();
      if (own) own();
      else process.exit(EXIT_INTERRUPTED);
    });
  },
};

async function main(): Promise<void> {
  endQuietlyOnClosedPipe(process.stdout);
  const argv = process.argv.slice(2);
  process.exitCode = await lab(argv, processTerminal(argv), interrupts);
}

void main();
