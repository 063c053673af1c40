import type { CommandWords, FlagWords } from "../command.ts";
import { LIST, list } from "./shared.ts";

const FILE: FlagWords = {
  name: "file",
  short: "f",
  value: "FILE|DIR|-",
  repeat: true,
  complete: "file",
  summary: "What to read; a directory is the union of its files",
};
const MODULES: FlagWords = {
  name: "modules",
  value: "DIR",
  complete: "file",
  summary: "Read which secrets the Puppet classes in DIR name, and sign it",
};
const OWNER: FlagWords = { name: "owner", value: "MARK", summary: "Mark of these files (default: files)" };
const PRUNE: FlagWords = {
  name: "prune",
  summary: "Remove what was applied with the same mark and is gone from the files",
};
const FORCE: FlagWords = { name: "force", summary: "Remove also what is in use" };
const EXIT_CODE: FlagWords = { name: "exit-code", summary: "End with 3 when something would change" };

const KIND = { name: "KIND", choices: ["label", "group", "alert", "size", "secret", "server", "alarm-route"] } as const;

/** Desired state from files. */
export const declarationsCommands: readonly CommandWords[] = [
  list("conflicts", "get-conflicts", "Concurrent writes: the winner and the others", LIST, undefined, [
    "lab get conflicts",
  ]),
  {
    words: ["apply"],
    module: "apply",
    summary: "Write the declarations in files as desired state, all of it or nothing",
    args: [],
    flags: [
      FILE,
      MODULES,
      { name: "plan", value: "FILE", complete: "file", summary: "Apply what lab plan --out saved, unless it is stale" },
      OWNER,
      PRUNE,
      FORCE,
    ],
    examples: [
      "lab apply -f homelab/",
      "cat web.yaml | lab apply -f -",
      "lab apply -f homelab/ --prune",
      "lab apply -f homelab/ --modules puppet/modules",
      "lab apply --plan homelab.plan",
    ],
  },
  {
    words: ["plan"],
    module: "plan",
    summary: "What lab apply would change, without changing anything",
    args: [],
    flags: [FILE, MODULES, OWNER, PRUNE, FORCE, EXIT_CODE],
    examples: ["lab plan -f homelab/", "lab plan -f homelab/ --out homelab.plan", "lab plan -f homelab/ --exit-code"],
  },
  {
    words: ["diff"],
    module: "plan",
    summary: "Where files and desired state differ",
    args: [],
    flags: [FILE, MODULES, OWNER, PRUNE, FORCE, EXIT_CODE],
    examples: ["lab diff -f homelab/", "lab diff -f homelab/ --exit-code"],
  },
  {
    words: ["validate"],
    module: "validate",
    summary: "Whether files can be applied; asks no agent",
    args: [],
    flags: [FILE, { name: "schema", summary: "Print the JSON Schema of such files, for editors" }],
    examples: ["lab validate -f homelab/", "lab validate --schema --out .lab/schema.json"],
    details:
      "An editor with a YAML language server completes and checks a file that begins with\n# yaml-language-server: $schema=.lab/schema.json",
  },
  {
    words: ["explain"],
    module: "explain",
    summary: "What files can declare, field by field; asks no agent",
    args: [{ name: "PATH", optional: true, complete: "declaration" }],
    flags: [],
    examples: ["lab explain", "lab explain alert", "lab explain alert.target.exclude"],
  },
  {
    words: ["delete"],
    module: "delete",
    summary: "Remove declarations by name",
    args: [KIND, { name: "NAME", variadic: true, complete: "of-kind" }],
    flags: [FORCE],
    examples: ["lab delete label web", "lab delete alert disk_space_low network_slow", "lab delete group eu --force"],
  },
  {
    words: ["edit"],
    module: "edit",
    summary: "Change a declaration in your editor (VISUAL, EDITOR)",
    args: [KIND, { name: "NAME", complete: "of-kind" }],
    flags: [],
    examples: ["lab edit label web", "EDITOR=nano lab edit server web-1"],
  },
];
