import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { ArgWords, CommandWords, FlagWords, WordTable } from "../../operations/command.ts";

export type FlagValues = ReadonlyMap<string, readonly string[]>;

/** A command line, understood. */
export type Parsed =
  | { readonly kind: "run"; readonly command: CommandWords; readonly args: FlagValues; readonly flags: FlagValues }
  | { readonly kind: "help"; readonly words: readonly string[]; readonly flags: FlagValues };

/**
 * Reads a command line by the table of words. Flags may stand anywhere; a flag of a command is known as soon as the
 * words so far leave a command that has it. Throws `Usage` that names the nearest word.
 */
export function parseArgv(table: WordTable, argv: readonly string[]): Parsed {
  const positionals: string[] = [];
  const flags = new Map<string, string[]>();
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] ?? "";
    if (token === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!token.startsWith("-") || token === "-") {
      positionals.push(token);
      continue;
    }
    const { flag, inline } = findFlag(table, positionals, token);
    const values = flags.get(flag.name) ?? [];
    if (flag.value === undefined) {
      if (inline !== undefined) throw usage(`--${flag.name} takes no value`, helpHint(positionals));
      values.push("");
    } else {
      const value = inline ?? argv[++i];
      if (value === undefined) throw usage(`--${flag.name} needs a value: ${flag.value}`, helpHint(positionals));
      requireChoice(`--${flag.name}`, value, flag.choices);
      if (values.length > 0 && !flag.repeat && !values.includes(value)) {
        throw usage(`--${flag.name} was given twice: "${values[0]}" and "${value}"`);
      }
      values.push(value);
    }
    flags.set(flag.name, values);
  }
  return understand(table, positionals, flags);
}

function understand(table: WordTable, positionals: readonly string[], flags: FlagValues): Parsed {
  const asked = positionals[0] === "help";
  if (asked || flags.has("help") || positionals.length === 0) {
    return { kind: "help", words: asked ? positionals.slice(1) : positionals, flags };
  }
  const found = findCommand(table, positionals);
  if (!found) throw unknownCommand(table, positionals);
  const { command, length } = found;
  requireKnownFlags(table, command, flags);
  return { kind: "run", command, args: bind(table, command, positionals.slice(length)), flags };
}

/** The command whose words, or other spelling, begin the line; the longest of several. */
export function findCommand(
  table: WordTable,
  positionals: readonly string[],
): { readonly command: CommandWords; readonly length: number } | undefined {
  let best: { command: CommandWords; length: number } | undefined;
  for (const command of table.commands) {
    for (const words of spellings(command)) {
      const begins = words.length <= positionals.length && agree(words, positionals);
      if (begins && words.length > (best?.length ?? 0)) best = { command, length: words.length };
    }
  }
  return best;
}

/** Commands that the words so far can still become. */
export function possibleCommands(table: WordTable, positionals: readonly string[]): CommandWords[] {
  return table.commands.filter((command) => spellings(command).some((words) => agree(words, positionals)));
}

export function spellings(command: CommandWords): readonly (readonly string[])[] {
  return [command.words, ...(command.aliases ?? [])];
}

/** What a user types: `lab label server NAME LABEL...`. */
export function usageLine(command: CommandWords): string {
  return ["lab", ...command.words, ...command.args.map(printArg)].join(" ");
}

/** `"lab get srevers" is not a command`, with what it may have been. */
export function unknownCommand(table: WordTable, positionals: readonly string[]): LabError {
  let known = 0;
  while (follows(table, positionals.slice(0, known)).any.includes(positionals[known] ?? "")) known++;
  const prefix = positionals.slice(0, known);
  const wrong = positionals[known];
  const typed = ["lab", ...prefix].join(" ");
  const { own, any } = follows(table, prefix);
  const next = own.length > 0 ? own : any;
  if (wrong === undefined)
    return usage(`"${typed}" needs one more word`, helpHint(prefix), [`one of: ${next.join(", ")}`]);
  const near = nearest(wrong, next).map((word) => `${typed} ${word}`);
  const choices = known > 0 ? [`one of: ${next.join(", ")}`] : [];
  const notes = near.length > 0 ? [`nearest: ${near.join(", ")}`] : choices;
  return usage(`"${typed} ${wrong}" is not a command`, helpHint(prefix), notes);
}

/** What can follow the words: in the commands' own spelling, and in any. */
function follows(table: WordTable, prefix: readonly string[]): { readonly own: string[]; readonly any: string[] } {
  const after = (all: readonly (readonly string[])[]) => {
    const longer = all.filter((words) => words.length > prefix.length && agree(words, prefix));
    return [...new Set(longer.map((words) => words[prefix.length] ?? ""))];
  };
  const commands = table.commands.filter(({ hidden }) => hidden !== true);
  return { own: after(commands.map(({ words }) => words)), any: after(commands.flatMap(spellings)) };
}

function findFlag(table: WordTable, positionals: readonly string[], token: string) {
  const known = [...table.globals, ...possibleCommands(table, positionals).flatMap((command) => command.flags)];
  if (token.startsWith("--")) {
    const [, name = "", inline] = /^--([^=]*)(?:=(.*))?$/s.exec(token) ?? [];
    const flag = known.find((one) => one.name === name || one.also?.includes(name));
    if (flag) return { flag, inline };
    throw unknownFlag(table, positionals, `--${name}`, known);
  }
  const flag = known.find((one) => one.short === token[1]);
  if (!flag) throw unknownFlag(table, positionals, token, known);
  // -o json, -ojson and -o=json.
  const rest = token.slice(2).replace(/^=/, "");
  return { flag, inline: rest === "" ? undefined : rest };
}

/** A flag that stood before the command's words may belong to another command. */
function requireKnownFlags(table: WordTable, command: CommandWords, flags: FlagValues): void {
  const known = [...table.globals, ...command.flags];
  for (const name of flags.keys()) {
    if (!known.some((flag) => flag.name === name)) throw unknownFlag(table, command.words, `--${name}`, known);
  }
}

function unknownFlag(
  table: WordTable,
  positionals: readonly string[],
  typed: string,
  known: readonly FlagWords[],
): LabError {
  const names = known.flatMap((flag) => [flag.name, ...(flag.also ?? [])]).map((name) => `--${name}`);
  const near = nearest(typed, names);
  const words = findCommand(table, positionals)?.command.words ?? [];
  return usage(
    `"${["lab", ...words].join(" ")}" has no flag ${typed}`,
    helpHint(words),
    near.length > 0 ? [`nearest: ${near.join(", ")}`] : [],
  );
}

function bind(table: WordTable, command: CommandWords, given: readonly string[]): FlagValues {
  const args = new Map<string, readonly string[]>();
  let left = given;
  for (const arg of command.args) {
    const taken = arg.variadic ? left : left.slice(0, 1);
    if (taken.length === 0 && !arg.optional) {
      throw usage(`"lab ${command.words.join(" ")}" needs ${arg.name}`, usageLine(command));
    }
    for (const value of taken) requireChoice(arg.name, value, arg.choices);
    args.set(arg.name, taken);
    left = left.slice(taken.length);
  }
  const [extra] = left;
  if (extra === undefined) return args;
  if (possibleCommands(table, command.words).length > 1) throw unknownCommand(table, [...command.words, extra]);
  throw usage(`"lab ${command.words.join(" ")}" takes no argument "${extra}"`, usageLine(command));
}

function requireChoice(what: string, value: string, choices: readonly string[] | undefined): void {
  if (!choices || choices.includes(value)) return;
  throw usage(`${what} cannot be "${value}"`, `one of: ${choices.join(", ")}`);
}

function printArg(arg: ArgWords): string {
  const name = arg.variadic ? `${arg.name}...` : arg.name;
  return arg.optional ? `[${name}]` : name;
}

function agree(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function helpHint(words: readonly string[]): string {
  return ["lab", "help", ...words].join(" ");
}

function usage(message: string, hint?: string, notes: readonly string[] = []): LabError {
  return new LabError("Usage", message, { notes, hint });
}
