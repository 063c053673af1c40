import type { ServerApplied } from "../../operations/kinds/applied.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { CommandWords, Completion, FlagWords, WordTable } from "../../operations/command.ts";
import type { Terminal } from "../command.ts";
import { connectRunningAgent } from "../connection/connect.ts";
import type { Connection } from "../connection/connection.ts";
import { readContexts } from "../connection/contexts.ts";
import { placeOf, readFlags } from "../context.ts";
import { loadExplanations } from "./explanations.ts";
import { FORMAT_NAMES } from "./output-format.ts";
import { findCommand, possibleCommands, spellings } from "./parse.ts";

/** A shell waits for this with every Tab; without names it is still useful. */
const NAMES_TIMEOUT_MS = 150;

/** Tells the shell to propose files. */
const FILES = ":files\n";

/**
 * What the last of the words can become: one proposal per line, with a tab and its meaning where there is one. Never
 * fails: a shell has no place for an error.
 */
export async function complete(table: WordTable, words: readonly string[], io: Terminal): Promise<string> {
  const line = readLine(table, joinAtEquals(words));
  const proposals = await propose(table, line, io).catch(() => []);
  if (proposals === "files") return FILES;
  return proposals
    .filter(({ word }) => word.startsWith(line.current))
    .map(({ word, meaning }) => (meaning ? `${word}\t${meaning}\n` : `${word}\n`))
    .join("");
}

interface Proposal {
  readonly word: string;
  readonly meaning?: string;
}

interface Line {
  readonly positionals: readonly string[];
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly current: string;
  /** The flag whose value is being typed. */
  readonly pending: FlagWords | undefined;
}

/** bash breaks words at `=`: `--output = js` was one word. */
function joinAtEquals(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [i, word] of words.entries()) {
    if (i > 0 && (word === "=" || words[i - 1] === "=")) joined.push(`${joined.pop() ?? ""}${word}`);
    else joined.push(word);
  }
  return joined;
}

/** Reads a line that is not finished: what is unknown is skipped. */
function readLine(table: WordTable, words: readonly string[]): Line {
  const positionals: string[] = [];
  const flags = new Map<string, readonly string[]>();
  let pending: FlagWords | undefined;
  for (const word of words.slice(0, -1)) {
    if (pending) {
      flags.set(pending.name, [word]);
      pending = undefined;
    } else if (word.startsWith("-")) {
      const { flag, value } = readFlag(knownFlags(table, positionals), word);
      if (flag && value !== undefined) flags.set(flag.name, [value]);
      else if (flag?.value) pending = flag;
    } else {
      positionals.push(word);
    }
  }
  return { positionals, flags, current: words.at(-1) ?? "", pending };
}

function readFlag(
  known: readonly FlagWords[],
  word: string,
): { flag: FlagWords | undefined; value: string | undefined } {
  const [, name = "", value] = /^-{1,2}([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const flag = known.find((one) =>
    word.startsWith("--") ? one.name === name || one.also?.includes(name) : one.short === name,
  );
  return { flag, value };
}

function knownFlags(table: WordTable, positionals: readonly string[]): FlagWords[] {
  return [...table.globals, ...possibleCommands(table, positionals).flatMap(({ flags }) => flags)];
}

async function propose(table: WordTable, line: Line, io: Terminal): Promise<readonly Proposal[] | "files"> {
  const { current, pending, positionals } = line;
  if (pending) return proposeValues(pending, line, "", io);
  if (current.startsWith("--") && current.includes("=")) {
    const { flag } = readFlag(knownFlags(table, positionals), current);
    return flag ? proposeValues(flag, line, `${current.slice(0, current.indexOf("="))}=`, io) : [];
  }
  if (current.startsWith("-")) return proposeFlags(knownFlags(table, positionals));
  if (positionals[0] === "help") return proposeHelp(table, positionals.slice(1));
  const next = nextWords(table, positionals);
  const exact = findCommand(table, positionals);
  if (!exact) return next;
  const args = await proposeArgument(exact.command, positionals.slice(exact.length), line, io);
  return args === "files" ? args : [...next, ...args];
}

function proposeFlags(flags: readonly FlagWords[]): Proposal[] {
  const unique = new Map(flags.map((flag) => [flag.name, flag]));
  return [...unique.values()].map(({ name, summary }) => ({ word: `--${name}`, meaning: summary }));
}

function proposeHelp(table: WordTable, words: readonly string[]): Proposal[] {
  const topics = words.length > 0 ? [] : table.topics.map(({ name, summary }) => ({ word: name, meaning: summary }));
  return [...nextWords(table, words), ...topics];
}

function nextWords(table: WordTable, positionals: readonly string[]): Proposal[] {
  const next = new Map<string, string>();
  for (const command of possibleCommands(table, positionals)) {
    if (command.hidden) continue;
    for (const words of spellings(command).slice(0, 1)) {
      const word = words[positionals.length];
      if (word === undefined || !positionals.every((given, i) => given === words[i])) continue;
      next.set(word, words.length === positionals.length + 1 ? command.summary : (next.get(word) ?? ""));
    }
  }
  if (positionals.length === 0) next.set("help", "Explain a command or a topic");
  return [...next].map(([word, meaning]) => ({ word, meaning }));
}

async function proposeArgument(command: CommandWords, before: readonly string[], line: Line, io: Terminal) {
  const index = before.length;
  const arg = command.args[index] ?? command.args.at(-1);
  if (!arg || (index >= command.args.length && !arg.variadic)) return [];
  if (arg.complete === "of-kind") return namesOfKind(before[0] ?? "", line, io);
  if (arg.complete === "applied") return (await applied(before[0] ?? "", line, io)).map((word) => ({ word }));
  if (arg.choices) return arg.choices.map((word) => ({ word }));
  if (arg.complete === "attribute") return attributes(arg.name.includes("=") ? "=" : "");
  return arg.complete ? names(arg.complete, line, "", io) : [];
}

async function proposeValues(flag: FlagWords, line: Line, prefix: string, io: Terminal) {
  if (flag.choices) return flag.choices.map((word) => ({ word: prefix + word }));
  return flag.complete ? names(flag.complete, line, prefix, io) : [];
}

function attributes(end: string): Proposal[] {
  return ["environment", "region", "provider", "size"].map((key) => ({ word: key + end }));
}

const LISTS: Partial<Readonly<Record<Completion, { readonly path: string; readonly field: string }>>> = {
  server: { path: "/v1/servers", field: "name" },
  label: { path: "/v1/labels", field: "name" },
  group: { path: "/v1/groups", field: "name" },
  alert: { path: "/v1/alerts", field: "name" },
  secret: { path: "/v1/secrets", field: "path" },
  size: { path: "/v1/sizes", field: "name" },
};

async function namesOfKind(kind: string, line: Line, io: Terminal): Promise<readonly Proposal[] | "files"> {
  return Object.hasOwn(LISTS, kind) ? names(kind as Completion, line, "", io) : [];
}

/** Classes, alerts, secrets and ports of a server. */
async function applied(server: string, line: Line, io: Terminal): Promise<string[]> {
  const connection = await connectRunning(line, io);
  if (!connection) return [];
  try {
    const path = `/v1/applied/servers/${encodeURIComponent(server)}`;
    const { item } = (await connection.call("GET", path)) as ItemDocument<ServerApplied>;
    const { puppetClasses, alerts, secrets, ports } = item;
    return [
      ...puppetClasses.map(({ name }) => name),
      ...alerts.map(({ name }) => name),
      ...secrets.map((secret) => secret.path),
      ...ports.map(({ port }) => String(port)),
    ];
  } finally {
    await connection.close();
  }
}

function connectRunning(line: Line, io: Terminal): Promise<Connection | undefined> {
  return connectRunningAgent(placeOf(readFlags(line.flags), io), { timeoutMs: NAMES_TIMEOUT_MS });
}

async function names(
  kind: Completion,
  line: Line,
  prefix: string,
  io: Terminal,
): Promise<readonly Proposal[] | "files"> {
  if (kind === "file") return "files";
  if (kind === "format") return FORMAT_NAMES.map((word) => ({ word: prefix + word }));
  if (kind === "declaration") return (await loadExplanations()).map(({ path }) => ({ word: prefix + path }));
  if (kind === "context") {
    const { configDir } = placeOf(readFlags(line.flags), io);
    return Object.keys(readContexts(configDir).contexts).map((word) => ({ word: prefix + word }));
  }
  const list = LISTS[kind];
  if (!list) return [];
  const known = await askNames(line, io, list.path, list.field);
  // In a list after a comma, only its last part is being typed.
  const [, typed = ""] = /^(.*,!?|!)?[^,]*$/s.exec(line.current.slice(prefix.length)) ?? [];
  return known.map((word) => ({ word: prefix + typed + word }));
}

async function askNames(line: Line, io: Terminal, path: string, field: string): Promise<string[]> {
  const connection = await connectRunning(line, io);
  if (!connection) return [];
  try {
    const { items } = (await connection.call("GET", path)) as { readonly items: readonly Record<string, string>[] };
    return items.map((item) => item[field] ?? "");
  } finally {
    await connection.close();
  }
}
