import type { CommandWords, Completion } from "../command.ts";
import { NAME } from "./shared.ts";

/** What applies where, from both ends. */
export const appliedCommands: readonly CommandWords[] = [
  show("server", "server", "Everything that applies to a server, and what it comes from", ["lab show server web-1"]),
  show("label", "label", "Where a label is and what it brings", ["lab show label web"]),
  show("group", "group", "What a group contains, whom it leaves out, which alerts mean it", [
    "lab show group production",
  ]),
  show("alert", "alert", "Which servers an alert is about, and where it is rendered to", [
    "lab show alert disk_space_low",
  ]),
  {
    words: ["show", "secret"],
    module: "show",
    summary: "Who may read a secret, and through what",
    args: [{ name: "PATH", complete: "secret" }],
    flags: [],
    examples: ["lab show secret web/tls"],
  },
  {
    words: ["targets", "server"],
    module: "targets",
    summary: "What means a server: labels, groups, alerts, classes, secrets",
    args: [NAME],
    flags: [],
    examples: ["lab targets server db-1"],
  },
  {
    words: ["targets"],
    module: "targets",
    summary: "The servers that a selector means, and by what",
    args: [],
    flags: [
      {
        name: "selector",
        short: "l",
        also: ["label"],
        value: "SELECTOR",
        repeat: true,
        complete: "label",
        summary: "Terms that must all hold: prod,region=eu-west,!legacy",
      },
      { name: "allow-empty", summary: "No match is an empty list instead of an error" },
      { name: "no-headers", summary: "Leave the line of headers out" },
    ],
    examples: ["lab targets -l prod,region=eu-west"],
  },
  {
    words: ["why"],
    module: "why",
    summary: "Why a server has a class, an alert, a secret, a port, or is kept out",
    args: [
      { name: "SERVER", complete: "server" },
      { name: "ITEM", complete: "applied" },
    ],
    flags: [],
    examples: ["lab why web-1 web/tls", "lab why db-1 disk_space_low"],
  },
];

function show(kind: string, complete: Completion, summary: string, examples: readonly string[]): CommandWords {
  return { words: ["show", kind], module: "show", summary, args: [{ name: "NAME", complete }], flags: [], examples };
}
