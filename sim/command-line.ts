import { flagLine, readFlags } from "../scripts/flags.ts";
import { NOTHING_LEFT_OUT } from "./acts.ts";
import type { RunOptions } from "./run.ts";
import { STORIES } from "./stories.ts";

const STORY_NAMES = Object.keys(STORIES);

const USAGE = `npm run sim -- [--seed N] [--minutes M] [--nodes K] [--writes W] [-o json]
npm run sim -- --SCENARIO [--seed N] [-o json]
npm run sim -- --races [--seed N] [--rounds R] [--tokens T] [-o json]

Many machines in one process and in virtual time. They run the agent that ships;
what goes wrong follows from the seed. Ends with 1 if something that must hold
did not, and prints the command that repeats it.

A world:
${[
  flagLine("--seed N", "which one (default 1)"),
  flagLine("--minutes M", "virtual minutes with faults; heal and checks come after them (default 10)"),
  flagLine("--nodes K", "honest machines (default 20)"),
  flagLine("--writes W", "operators' writes for each machine and minute (default 1)"),
  flagLine("--calm", "no faults"),
  flagLine("--without A,B", "without these kinds of faults, by their names in the report"),
  flagLine("--skip 3,7", "without these acts, by their numbers"),
  flagLine("--no-memo", "every machine checks every signature itself"),
  flagLine("--doublecheck", "run it twice, and fail unless both took the same way"),
].join("\n")}

What is shown:
${[
  flagLine("--shrink", "when it fails: the smallest world that fails alike, its command, and a drawing of it"),
  flagLine("--draw", "a drawing of it, whatever becomes of it"),
  flagLine("--first", "end at the first violation, with a line of JSON that has nothing else"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

Scenarios, in which what goes wrong is told act by act:
${Object.entries(STORIES)
  .map(([name, { about }]) => flagLine(`--${name}`, about))
  .join("\n")}
${flagLine("--races", "strangers race for tokens while the mesh is cut: R cuts (default 5), T tokens in each (10)")}

For example, of some seconds each:
  npm run sim -- --seed 7 --minutes 3 --nodes 7
  npm run sim -- --seed 7 --minutes 1 --nodes 4 --draw
  npm run sim -- --removals`;

const OPTIONS = {
  seed: { type: "string" },
  minutes: { type: "string" },
  nodes: { type: "string" },
  writes: { type: "string" },
  calm: { type: "boolean" },
  without: { type: "string" },
  skip: { type: "string" },
  "no-memo": { type: "boolean" },
  doublecheck: { type: "boolean" },
  shrink: { type: "boolean" },
  draw: { type: "boolean" },
  first: { type: "boolean" },
  races: { type: "boolean" },
  rounds: { type: "string" },
  tokens: { type: "string" },
  output: { type: "string", short: "o" },
} as const;

/** What a scenario can be told, too; everything else of a world is its own affair. */
const OF_A_SCENARIO = ["seed", "first", "output"];
const OF_RACES = ["races", "rounds", "tokens"];

export interface Arguments extends RunOptions {
  readonly shrink: boolean;
  readonly draw: boolean;
  readonly doublecheck: boolean;
  /** End at the first violation. */
  readonly first: boolean;
  /** One of {@link STORIES}; null for the usual world. */
  readonly told: string | null;
  /** Null for the usual world. */
  readonly races: { readonly rounds: number; readonly tokens: number } | null;
  readonly format: "json" | "text";
}

/** What `npm run sim` was given. Ends the process for `--help` and for what it does not understand. */
export function readArguments(): Arguments {
  const stories = Object.fromEntries(STORY_NAMES.map((name) => [name, { type: "boolean" } as const]));
  return readFlags(USAGE, { ...OPTIONS, ...stories }, (values) => {
    const given = Object.keys(values);
    const [told = null, ...others] = STORY_NAMES.filter((name) => given.includes(name));
    if (others.length > 0) throw new Error(`--${told} and --${others[0]} are two scenarios`);
    if (told !== null) requireOnly(given, [told, ...OF_A_SCENARIO]);
    else if (values.races) requireOnly(given, [...OF_RACES, ...OF_A_SCENARIO]);
    else if (values.rounds !== undefined || values.tokens !== undefined) {
      throw new Error("--rounds and --tokens go with --races");
    }
    const { output = "text" } = values;
    if (output !== "json" && output !== "text") throw new Error(`-o takes json or text, not "${output}"`);
    return {
      seed: values.seed ?? "1",
      minutes: aboveZero("minutes", values.minutes ?? "10"),
      nodes: aboveZero("nodes", values.nodes ?? "20"),
      writesPerMachineAndMinute: aboveZero("writes", values.writes ?? "1"),
      faults: values.calm ? "none" : "drawn",
      leftOut: {
        kinds: new Set(listed(values.without)),
        numbers: new Set(listed(values.skip).map((text) => aboveZero("skip", text))),
      },
      shrink: values.shrink ?? false,
      draw: values.draw ?? false,
      story: values.draw ?? false,
      memo: values["no-memo"] ? "none" : "shared",
      doublecheck: values.doublecheck ?? false,
      first: values.first ?? false,
      told,
      races: values.races
        ? { rounds: aboveZero("rounds", values.rounds ?? "5"), tokens: aboveZero("tokens", values.tokens ?? "10") }
        : null,
      format: output,
    };
  });
}

/** Throws where a flag was given that would say nothing; the first of `taken` is the scenario. */
function requireOnly(given: readonly string[], taken: readonly string[]): void {
  const wrong = given.find((flag) => !taken.includes(flag));
  if (wrong !== undefined) throw new Error(`--${wrong} says nothing of --${taken[0]}`);
}

function aboveZero(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag} takes a number above zero, not "${text}"`);
  return value;
}

function listed(text = ""): string[] {
  return text.split(",").filter((one) => one !== "");
}

/** The one command that does the same again. */
export function replayCommand(options: Arguments): string {
  const { seed, races, told } = options;
  if (told !== null) return `npm run sim -- --${told} --seed ${seed}`;
  if (races !== null) return `npm run sim -- --races --seed ${seed} --rounds ${races.rounds} --tokens ${races.tokens}`;
  const parts = [
    "npm run sim --",
    `--seed ${options.seed}`,
    `--minutes ${options.minutes}`,
    `--nodes ${options.nodes}`,
  ];
  if (options.writesPerMachineAndMinute !== 1) parts.push(`--writes ${options.writesPerMachineAndMinute}`);
  if (options.faults === "none") parts.push("--calm");
  const { kinds, numbers } = options.leftOut ?? NOTHING_LEFT_OUT;
  if (kinds.size > 0) parts.push(`--without "${[...kinds].join(",")}"`);
  if (numbers.size > 0) parts.push(`--skip ${[...numbers].sort((a, b) => a - b).join(",")}`);
  if (options.memo === "none") parts.push("--no-memo");
  if (options.doublecheck) parts.push("--doublecheck");
  return parts.join(" ");
}
