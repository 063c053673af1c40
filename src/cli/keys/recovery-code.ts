import { askLine, mayAsk } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";

/** What stands beside the words, on paper and in a file. */
export const PURPOSE: readonly string[] = [
  "It is the root of the mesh: with it a lost or stolen operator's key is",
  "replaced, and every secret can be read without any machine. Nobody can give",
  "it to you again.",
];

/** Shows the words once, and has them typed back unless `--yes` says that this is not needed. Throws `Interrupted`. */
export async function showCode(ctx: CommandContext, code: string): Promise<void> {
  const words = code.split(" ");
  const rows = [0, 4, 8].map((from) =>
    words
      .slice(from, from + 4)
      .map((word, i) => `${String(from + i + 1).padStart(4)} ${word.padEnd(9)}`)
      .join("")
      .trimEnd(),
  );
  const lines = ["", "Recovery code. Write it on paper now; it is shown this once.", "", ...rows, "", ...PURPOSE, ""];
  ctx.io.stderr.write(lines.map((line) => `${line}\n`).join(""));
  if (!ctx.globals.yes && mayAsk(ctx)) await typeBack(ctx, words);
}

/** What is on paper is what was shown: a code with a slip of the pen would be found out when it is needed. */
async function typeBack(ctx: CommandContext, words: readonly string[]): Promise<void> {
  for (;;) {
    const typed = splitWords(await askLine(ctx, "Type the twelve words as they stand on the paper", "--yes"));
    const wrong = words.findIndex((word, i) => typed[i] !== word);
    if (wrong < 0 && typed.length === words.length) {
      ctx.note("✓ as it was shown");
      return;
    }
    if (typed.length !== words.length) ctx.warn(`these are ${typed.length} words, not ${words.length}`);
    else ctx.warn(`word ${wrong + 1} is another one than was shown: ${words[wrong]}`);
  }
}

export function codeSheet(mesh: string, code: string): string {
  return [`# Recovery code of mesh ${mesh}`, ...PURPOSE.map((line) => `# ${line}`), code, ""].join("\n");
}

function splitWords(text: string): string[] {
  return text
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
}
