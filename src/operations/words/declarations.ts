import type { CommandWords } from "../command.ts";
import { LIST, list } from "./shared.ts";

/** Desired state from files. */
export const declarationsCommands: readonly CommandWords[] = [
  list("conflicts", "get-conflicts", "Concurrent writes: the winner and the others", LIST, undefined, [
    "lab get conflicts",
  ]),
  {
    words: ["apply"],
    module: "apply",
    summary: "Write the declarations in files as desired state",
    args: [],
    flags: [
      {
        name: "file",
        short: "f",
        value: "FILE|DIR|-",
        repeat: true,
        complete: "file",
        summary: "What to read; a directory is the union of its files",
      },
    ],
    examples: ["lab apply -f homelab/", "cat web.yaml | lab apply -f -"],
  },
];
