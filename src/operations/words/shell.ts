import type { CommandWords } from "../command.ts";
import { NO_HEADERS } from "./shared.ts";

/** The program in its shell. */
export const shellCommands: readonly CommandWords[] = [
  {
    words: ["version"],
    module: "version",
    summary: "Print the version",
    args: [],
    flags: [],
    examples: ["lab version"],
  },
  {
    words: ["completion"],
    module: "completion",
    summary: "Print the completion script of a shell",
    args: [{ name: "SHELL", choices: ["bash", "zsh", "fish"] }],
    flags: [],
    examples: ["source <(lab completion bash)", "lab completion fish > ~/.config/fish/completions/lab.fish"],
  },
  {
    words: ["context", "list"],
    module: "context",
    summary: "Named agents that this user knows",
    args: [],
    flags: [NO_HEADERS],
    examples: ["lab context list"],
  },
  {
    words: ["context", "use"],
    module: "context",
    summary: "Choose the agent that commands speak to",
    args: [{ name: "NAME", complete: "context" }],
    flags: [],
    examples: ["lab context use demo"],
  },
];
