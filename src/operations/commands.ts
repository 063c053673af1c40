import type { CommandWords, FlagWords, TopicWords, WordTable } from "./command.ts";
import { setupCommands } from "./words/setup.ts";
import { serversCommands } from "./words/servers.ts";
import { meshCommands } from "./words/mesh.ts";
import { ordersCommands } from "./words/orders.ts";
import { alarmsCommands } from "./words/alarms.ts";
import { trustCommands } from "./words/trust.ts";
import { appliedCommands } from "./words/applied.ts";
import { declarationsCommands } from "./words/declarations.ts";
import { puppetCommands } from "./words/puppet.ts";
import { secretsCommands } from "./words/secrets.ts";
import { backupCommands } from "./words/backup.ts";
import { renderingCommands } from "./words/rendering.ts";
import { shellCommands } from "./words/shell.ts";
import { demoCommands } from "./words/demo.ts";

/** Every command that exists, in the order of somebody who begins. Grammar, help, completion and the reference come from here. */
const themes: readonly (readonly [title: string, commands: readonly CommandWords[]])[] = [
  ["A mesh and its machines", setupCommands],
  ["Servers and labels", serversCommands],
  ["What applies where, and why", appliedCommands],
  ["Declared in files", declarationsCommands],
  ["Secrets", secretsCommands],
  ["What is there and how it does", meshCommands],
  ["Alarms", alarmsCommands],
  ["Operators, trust and audit", [...trustCommands, ...ordersCommands]],
  ["Backup", backupCommands],
  ["Other programs", [...renderingCommands, ...puppetCommands]],
  ["This command line", shellCommands],
  ["The demo", demoCommands],
];
const commands = themes.flatMap(([theme, words]) => words.map((command) => ({ ...command, theme })));

const globals: readonly FlagWords[] = [
  { name: "context", value: "NAME", complete: "context", summary: "A named agent (lab context list)" },
  { name: "home", value: "DIR", complete: "file", summary: "Home of an agent (default: LAB_HOME)" },
  { name: "socket", value: "PATH", complete: "file", summary: "Socket of an agent" },
  { name: "peer", value: "NAME", complete: "server", summary: "Ask another peer through the agent" },
  {
    name: "output",
    short: "o",
    value: "FORMAT",
    complete: "format",
    summary: "table, wide, json, yaml, name, csv, jsonpath=…, columns=…",
  },
  { name: "json", summary: "Same as -o json" },
  { name: "out", value: "FILE", complete: "file", summary: "Write the data to FILE instead of standard output" },
  { name: "timeout", value: "DURATION", summary: "Longest wait for an answer (default: 30s)" },
  { name: "yes", short: "y", summary: "Answer yes to every question" },
  { name: "no-input", summary: "Never ask" },
  { name: "color", value: "WHEN", choices: ["auto", "always", "never"], summary: "auto, always or never" },
  { name: "quiet", short: "q", summary: "No hints and no progress" },
  { name: "debug", summary: "Show where an error came from" },
  { name: "help", short: "h", summary: "Show help" },
];

const topics: readonly TopicWords[] = [
  {
    name: "exit-codes",
    summary: "What the exit status of a command means",
    lines: [
      "  0    done; what waits for an offline machine counts as done, and says so",
      "  1    failed",
      "  2    usage, validation, or a confirmation is needed",
      "  3    diff or plan --exit-code found changes",
      "  4    not authorised, or a question of identity",
      "  5    not found, or a selector matched nothing",
      "  6    some hosts failed",
      "  7    neither an agent nor a home",
      "  8    conflict, or a plan that is stale",
      "  124  timeout",
      "  125  secret exec failed before its command; 126: cannot run it; 127: no such",
      "  130  interrupted",
    ],
  },
  {
    name: "selectors",
    summary: "How -l and -x choose servers",
    lines: [
      '  term {"," term}, and all terms must hold. A term is one of',
      "    prod                       has the label",
      "    region=eu-west             has the value",
      "    region!=eu-west            has another one or none",
      "    region in (eu-west,eu-1)   has one of the values",
      "  and !term is its opposite. -x TERM leaves out; there a bare word is a server.",
      "  Keys: label, group, server, environment, region, provider, size, role,",
      "  online, sync, puppet, health, identity.",
      "  It is evaluated on replicated state, never on who answered.",
    ],
  },
];

export const wordTable: WordTable = { commands, globals, topics };
