import type { CommandWords } from "../command.ts";
import { LIST, list, NO_HEADERS } from "./shared.ts";

/** The mesh itself: peers, status, events, the coordinator. */
export const meshCommands: readonly CommandWords[] = [
  list("peers", "get-peers", "Members as one peer sees them", LIST, "server", [
    "lab get peers",
    "lab get peers --peer nas-1",
  ]),
  {
    words: ["status"],
    module: "status",
    summary: "The mesh as a whole, and what does not work until something is back",
    args: [],
    flags: [],
    examples: ["lab status", "lab status --peer nas-1 -o json"],
  },
  {
    words: ["doctor"],
    module: "doctor",
    summary: "Examine an agent and its machine; each finding with its fix",
    args: [],
    flags: [NO_HEADERS],
    examples: ["lab doctor", "lab doctor --peer nas-1", "lab doctor -o json"],
  },
  {
    words: ["ping"],
    module: "ping",
    summary: "Round trips over the mesh to a member, from the peer that is asked",
    args: [{ name: "NODE", complete: "server" }],
    flags: [{ name: "count", short: "n", value: "COUNT", summary: "Round trips, at most 100 (default: 5)" }],
    examples: ["lab ping nas-1", "lab ping nas-1 --peer web-1 -n 20"],
  },
  {
    words: ["coordinator", "migrate"],
    aliases: [["server", "migrate"]],
    module: "coordinator",
    summary: "Move the coordinator label to another machine",
    args: [],
    flags: [
      { name: "target", value: "NODE", complete: "server", summary: "The machine that takes over" },
      { name: "force", summary: "Also when the old coordinator does not answer" },
      { name: "reason", value: "TEXT", summary: "Why it does not answer; --force asks for it" },
    ],
    examples: [
      "lab coordinator migrate --target nas-1",
      'lab coordinator migrate --target nas-1 --force --reason "laptop died"',
    ],
  },
  {
    words: ["events"],
    module: "events",
    summary: "Follow what happens: entries, changes of the view, peers",
    args: [],
    flags: [{ name: "watch", short: "w", summary: "Follow (events are always followed)" }],
    examples: ["lab events -w", "lab events -o json"],
  },
];
