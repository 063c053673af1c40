import type { CommandWords, FlagWords } from "../command.ts";
import { DECLARED, LIST, list } from "./shared.ts";

const REASON: FlagWords = { name: "reason", value: "TEXT", summary: "Why; it is signed and shown" };

/** What people must be told of. */
export const alarmsCommands: readonly CommandWords[] = [
  list("alarms", "get-alarms", "What people are told of, and who has seen it", LIST, undefined, [
    "lab get alarms",
    "lab get alarms -w",
    "lab get alarms -o json",
  ]),
  list("alarm-routes", "get-alarm-routes", "Which alarms are told whom, and who can deliver", DECLARED, undefined, [
    "lab get alarm-routes",
    "lab get alarm-routes -o yaml",
  ]),
  {
    words: ["alarm", "ack"],
    module: "alarm-ack",
    summary: "Say that you have seen an alarm: it is told nobody again",
    details: "It holds for what is going on now. When it is over and begins anew, it is told anew.",
    args: [{ name: "ID", variadic: true }],
    flags: [REASON],
    examples: ["lab alarm ack 8aa7ac81e4", 'lab alarm ack 8aa7 --reason "disk is ordered"'],
  },
  {
    words: ["alarm", "silence"],
    module: "alarm-silence",
    summary: "Tell nobody of some alarms for a while: of a kind, or about some servers",
    details: "They are still shown. What goes on when the time is over is told then; --for 0s ends a silence.",
    args: [{ name: "SELECTOR|KIND", complete: "label" }],
    flags: [{ name: "for", value: "DURATION", summary: "How long, such as 2h; at most 30d" }, REASON],
    examples: [
      "lab alarm silence server=web-1 --for 2h",
      'lab alarm silence prod,region=eu --for 30m --reason "new switch"',
      "lab alarm silence role-missing --for 1d",
      "lab alarm silence server=web-1 --for 0s",
    ],
  },
];
