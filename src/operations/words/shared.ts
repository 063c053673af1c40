import type { Completion, CommandWords, FlagWords } from "../command.ts";

export const NAME = { name: "NAME", complete: "server" } as const;
export const NAMES = { ...NAME, variadic: true } as const;

export const SELECTION: readonly FlagWords[] = [
  {
    name: "selector",
    short: "l",
    also: ["label"],
    value: "SELECTOR",
    repeat: true,
    complete: "label",
    summary: "Terms that must all hold: prod,region=eu-west,!legacy",
  },
  {
    name: "exclude",
    short: "x",
    value: "TERM",
    repeat: true,
    complete: "server",
    summary: "Leave out; a bare word is a server",
  },
  { name: "group", short: "g", value: "NAME", complete: "group", summary: "Same as -l group=NAME" },
  { name: "environment", value: "NAME", summary: "Same as -l environment=NAME" },
  { name: "region", value: "NAME", summary: "Same as -l region=NAME" },
  { name: "provider", value: "NAME", summary: "Same as -l provider=NAME" },
  { name: "allow-empty", summary: "No match is an empty list instead of an error" },
];
export const NO_HEADERS: FlagWords = { name: "no-headers", summary: "Leave the line of headers out" };
export const LIST: readonly FlagWords[] = [
  NO_HEADERS,
  { name: "sort-by", value: "FIELD", summary: "Sort by a field of the JSON form, such as lastSeen" },
  { name: "limit", value: "COUNT", summary: "At most so many" },
  { name: "watch", short: "w", summary: "Stay and follow: redrawn at a terminal, else JSON lines" },
];
/** Of kinds that files can declare. */
export const DECLARED: readonly FlagWords[] = [
  ...LIST,
  { name: "shorthand", summary: "With -o yaml: one map by name instead of a document for each" },
];
export const SINCE: FlagWords = { name: "since", value: "TIME", summary: "From a time (RFC 3339) or an age (24h) on" };

export const SSH_AGENT: FlagWords = {
  name: "ssh-agent",
  value: "KEY",
  summary: "Use a key of the SSH agent: its fingerprint or comment",
};

/** `lab get KIND [NAME...]`. */
export function list(
  kind: string,
  module: string,
  summary: string,
  flags: readonly FlagWords[],
  complete: Completion | undefined,
  examples: readonly string[],
): CommandWords {
  const singular = kind.replace(/s$/, "");
  return {
    words: ["get", kind],
    ...(singular === kind ? {} : { aliases: [["get", singular]] }),
    module,
    summary,
    args: [{ name: "NAME", variadic: true, optional: true, ...(complete ? { complete } : {}) }],
    flags,
    examples,
  };
}

export const S3_CREDENTIALS: FlagWords = {
  name: "s3-credentials",
  value: "FILE",
  complete: "file",
  summary: "Credentials for s3: as of the AWS tools (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
};
