// How the commands of package.json read their flags, and how they say what they take.
import { type ParseArgsConfig, parseArgs } from "node:util";

const COLUMNS = 80;
/** Where the words about a flag begin. */
const ABOUT_AT = 18;

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>["values"];

/**
 * What a command was given. With `--help` it prints `usage`, which begins with the command line, and ends. Flags that
 * there are not, and what `read` throws, are told in two lines, and the command ends with 2.
 */
export function readFlags<const O extends Options, T>(usage: string, options: O, read: (values: Values<O>) => T): T {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: "boolean", short: "h" } } });
    if ((values as { readonly help?: boolean }).help) {
      process.stdout.write(`${usage}\n`);
      process.exit(0);
    }
    return read(values as Values<O>);
  } catch (error) {
    const [command] = usage.split(" -- ", 1);
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: ${message}\nhint: ${command} -- --help\n`);
    process.exit(2);
  }
}

/** Throws unless it is a number from `least` on. */
export function numberFrom(least: number, flag: string, text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= least)) throw new Error(`--${flag} takes a number from ${least} on, not "${text}"`);
  return value;
}

/** One of a list of flags, as `--help` has it. */
export function flagLine(flag: string, about: string): string {
  return wrapped(`  ${flag} `.padEnd(ABOUT_AT), about);
}

/** A text behind `head`, in lines that a terminal of eighty columns does not break. */
export function wrapped(head: string, text: string): string {
  const lines = [head];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string;
    const isBegun = line.trimEnd() !== "" && line.length > head.length;
    const longer = isBegun ? `${line} ${word}` : `${line}${word}`;
    if (isBegun && longer.length > COLUMNS) lines.push(`${" ".repeat(head.length)}${word}`);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("\n");
}
