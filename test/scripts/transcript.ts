import { lab } from "../../src/cli/lab.ts";
import { wantsColor } from "../../src/cli/render/paint.ts";

/** The moment at which every script plays. */
export const NOW_MS = Date.parse("2026-11-21T12:00:00Z");

export interface Stage {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Columns of the terminal; nothing for a pipe. */
  readonly columns?: number | undefined;
}

export interface Heard {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, line by line in the order in which they were written; stderr's begin with `! `. */
  readonly both: string;
}

/** Runs one command line in this process, as `main.ts` would. */
export async function perform(words: readonly string[], stage: Stage): Promise<Heard> {
  let [stdout, stderr, both] = ["", "", ""];
  const isTTY = stage.columns !== undefined;
  const exit = await lab(words, {
    stdin: process.stdin,
    stdout: {
      isTTY,
      write(data) {
        const text = typeof data === "string" ? data : Buffer.from(data).toString("utf8");
        stdout += text;
        both += text;
      },
    },
    stderr: {
      isTTY,
      write(data) {
        const text = String(data);
        stderr += text;
        both += text.replace(/^(?=.)/gm, "! ");
      },
    },
    env: stage.env,
    cwd: stage.cwd,
    uid: 1000,
    columns: stage.columns,
    color: wantsColor("auto", isTTY, stage.env),
    now: () => NOW_MS,
  });
  return { exit, stdout, stderr, both };
}

/** Words of a command line: quotes, and assignments before the first word. */
export function splitLine(line: string): { readonly env: Record<string, string>; readonly words: string[] } {
  const words = [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
  const env: Record<string, string> = {};
  while (/^[A-Z_]+=/.test(words[0] ?? "")) {
    const [, name = "", value = ""] = /^([A-Z_]+)=(.*)$/.exec(words.shift() ?? "") ?? [];
    env[name] = value;
  }
  return { env, words };
}
