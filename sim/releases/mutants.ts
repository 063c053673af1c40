import type { Mutant } from "../mutant.ts";

const run = ["--releases"];

/** Guards without which another release's words are refused here, and what it kept is lost. */
export const RELEASE_MUTANTS: readonly Mutant[] = [
  {
    name: "what a later release kept is no record",
    file: "src/core/secrets/stored-envelope.ts",
    guard: "const { storedMs, envelope } = readFields(decode(value));",
    without:
      'const { storedMs, envelope, ...more } = readFields(decode(value));\n  if ("later" in more) throw new MalformedError("more than it may have");',
    run,
  },
  {
    name: "whoever asks with a member more is not understood",
    file: "src/crdt/sync/exchange.ts",
    guard: "    const message = readMap(decode(request));\n    switch",
    without:
      '    const message = readMap(decode(request));\n    if ("later" in message) return encode({ unknown: true });\n    switch',
    run,
  },
  {
    name: "a store is asked with a member more and gives nothing",
    file: "src/core/secrets/messages.ts",
    guard: "const { path, version, authority, desired } = readMessage(bytes);",
    without:
      'const { path, version, authority, desired, ...more } = readMessage(bytes);\n  if ("later" in more) throw new MalformedError("more than it may ask");',
    run,
  },
];
