import type { CommandWords } from "../command.ts";

/** What Puppet code says. */
export const puppetCommands: readonly CommandWords[] = [
  {
    words: ["puppet", "scan"],
    module: "puppet-scan",
    summary: "Which secrets the code of Puppet classes names; asks no agent",
    args: [{ name: "DIR", complete: "file" }],
    flags: [],
    examples: ["lab puppet scan modules/", "lab puppet scan /etc/puppetlabs/code/environments/production -o json"],
    details:
      "It finds lab::secret('path'), Deferred('lab::secret', ['path']) and lookup('lab::secret::path'), also in strings, heredocs and EPP templates, and follows what a class includes, declares and calls. What is computed is told with its place and grants nothing.",
  },
];
