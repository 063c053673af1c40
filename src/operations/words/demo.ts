import type { CommandWords } from "../command.ts";
import { NAMES, NO_HEADERS } from "./shared.ts";

/** The homelab that runs on one machine. */
export const demoCommands: readonly CommandWords[] = [
  {
    words: ["demo", "up"],
    module: "demo",
    summary: "A homelab of five agents on this machine, without root",
    args: [],
    flags: [{ name: "nodes", value: "COUNT", summary: "How many agents (default: 5)" }],
    examples: ["lab demo up"],
  },
  {
    words: ["demo", "down"],
    module: "demo",
    summary: "Stop the demo's agents and remove their homes",
    args: [],
    flags: [],
    examples: ["lab demo down"],
  },
  {
    words: ["demo", "status"],
    module: "demo",
    summary: "The demo's agents and how the mesh is cut",
    args: [],
    flags: [NO_HEADERS],
    examples: ["lab demo status"],
  },
  {
    words: ["demo", "partition"],
    module: "demo",
    summary: "Cut the demo's mesh into groups that do not hear each other",
    args: [{ name: "A,B", variadic: true, complete: "server" }],
    flags: [],
    examples: ["lab demo partition laptop,nas-1 web-1,web-2,db-1"],
  },
  {
    words: ["demo", "heal"],
    module: "demo",
    summary: "Undo the cut",
    args: [],
    flags: [],
    examples: ["lab demo heal"],
  },
  {
    words: ["demo", "kill"],
    module: "demo",
    summary: "End agents of the demo as a power cut would",
    args: [NAMES],
    flags: [],
    examples: ["lab demo kill nas-1", "lab demo kill web-1 web-2"],
  },
  {
    words: ["demo", "start"],
    module: "demo",
    summary: "Start agents of the demo again",
    args: [NAMES],
    flags: [],
    examples: ["lab demo start nas-1", "lab demo start web-1 web-2"],
  },
  {
    words: ["demo", "agent"],
    module: "demo",
    summary: "Run the agent of a home that the demo made",
    args: [],
    flags: [],
    examples: ["lab demo agent --home DIR"],
    hidden: true,
  },
];
