import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { CommandWords, FlagWords, WordTable } from "../../operations/command.ts";
import { findCommand, possibleCommands, spellings, unknownCommand, usageLine } from "./parse.ts";
import { displayWidth, pad, wrap } from "../render/text.ts";

const WIDTH = 80;
const WIDEST_LEFT = 26;

/** Help on everything, on a command, on a group of commands or on a topic. Throws `Usage` for unknown words. */
export function printHelp(table: WordTable, words: readonly string[]): string {
  return `${helpLines(table, words).join("\n")}\n`;
}

function helpLines(table: WordTable, words: readonly string[]): string[] {
  const [first] = words;
  if (first === undefined) return overview(table);
  const topic = table.topics.find(({ name }) => name === first);
  if (topic) return [topic.summary, "", ...topic.lines];
  const exact = findCommand(table, words);
  if (exact) return commandPage(table, exact.command);
  const group = possibleCommands(table, words);
  if (group.length > 0) return groupPage(words, group);
  const near = nearest(
    first,
    table.topics.map(({ name }) => name),
  );
  if (near.length > 0) throw new LabError("Usage", `no help on "${first}"`, { hint: `lab help ${near[0]}` });
  throw unknownCommand(table, words);
}

function overview(table: WordTable): string[] {
  return [
    "lab runs a homelab without a central server: labels decide, every machine knows.",
    "",
    "Examples:",
    "  lab init --local",
    "  lab agent --detach",
    "  lab token create --name web-1 --labels web,prod",
    "  lab get servers -l prod",
    "",
    ...themes(table).flatMap(([theme, commands]) => [`${theme}:`, ...commandLines(commands), ""]),
    "Flags of every command:",
    ...flagLines(table.globals),
    "",
    "Topics:",
    ...twoColumns(table.topics.map(({ name, summary }) => [`lab help ${name}`, summary])),
  ];
}

function groupPage(words: readonly string[], commands: readonly CommandWords[]): string[] {
  return [`lab ${words.join(" ")} …`, "", "Commands:", ...commandLines(shown(commands))];
}

/** In the order in which they stand in the table. */
function themes(table: WordTable): [theme: string, commands: CommandWords[]][] {
  return [...Map.groupBy(shown(table.commands), ({ theme }) => theme)];
}

function commandLines(commands: readonly CommandWords[]): string[] {
  return twoColumns(commands.map((command) => [`lab ${command.words.join(" ")}`, command.summary]));
}

function commandPage(table: WordTable, command: CommandWords): string[] {
  const others = shown(table.commands).filter(
    (other) => other !== command && other.words.length > command.words.length && isPrefix(command.words, other.words),
  );
  return [
    ...wrap(`${command.summary}.`, WIDTH, ""),
    ...(command.details ? wrap(command.details, WIDTH, "") : []),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
    "Usage:",
    `  ${usageLine(command)}${command.flags.length > 0 ? " [FLAGS]" : ""}`,
    ...spellings(command)
      .slice(1)
      .map((words) => `  also spelled: lab ${words.join(" ")}`),
    ...(command.flags.length > 0 ? ["", "Flags:", ...flagLines(command.flags)] : []),
    ...(others.length > 0 ? ["", "See also:", ...commandLines(others)] : []),
    "",
    "Flags of every command: lab help",
  ];
}

function flagLines(flags: readonly FlagWords[]): string[] {
  return twoColumns(
    flags.map((flag) => {
      const names = [flag.name, ...(flag.also ?? [])].map((name) => `--${name}`).join(", ");
      const short = flag.short ? `-${flag.short}, ` : "    ";
      return [`${short}${names}${flag.value ? ` ${flag.value}` : ""}`, flag.summary];
    }),
  );
}

/** What does not fit beside a long left part goes below it. */
function twoColumns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const widest = Math.max(...rows.map(([left]) => displayWidth(left)).filter((width) => width <= WIDEST_LEFT));
  const indent = " ".repeat(widest + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, WIDTH, indent);
    if (displayWidth(left) > widest) return [`  ${left}`, ...lines];
    return [`  ${pad(left, widest + 2)}${lines[0]?.trimStart() ?? ""}`, ...lines.slice(1)];
  });
}

function shown<C extends CommandWords>(commands: readonly C[]): C[] {
  return commands.filter(({ hidden }) => hidden !== true);
}

function isPrefix(short: readonly string[], long: readonly string[]): boolean {
  return short.every((word, i) => word === long[i]);
}
