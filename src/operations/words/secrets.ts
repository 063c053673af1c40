import type { CommandWords } from "../command.ts";
import { DECLARED, LIST, list } from "./shared.ts";

/** Secrets. */
export const secretsCommands: readonly CommandWords[] = [
  list("secrets", "get-secrets", "Secrets by path, without their values", DECLARED, "secret", ["lab get secrets"]),
  {
    words: ["secret", "set"],
    module: "secret-set",
    summary: "Seal a value for the machines that are entitled to it",
    details: "The value comes from a prompt, from standard input or from a file; never from an argument.",
    args: [{ name: "PATH", complete: "secret" }],
    flags: [
      { name: "from-file", value: "FILE", complete: "file", summary: "Read the value from a file, byte for byte" },
    ],
    examples: ["lab secret set web/tls --from-file tls.pem", "pwgen 32 1 | lab secret set db/password"],
  },
  {
    words: ["secret", "get"],
    module: "secret-get",
    summary: "Print a value that this machine is entitled to",
    args: [{ name: "PATH", complete: "secret" }],
    flags: [],
    examples: ["lab secret get web/tls"],
  },
  {
    words: ["secret", "exec"],
    module: "secret-exec",
    summary: "Run a command with this machine's secrets in its environment",
    details:
      "mail/tls-cert becomes LAB_SECRET_MAIL_TLS_CERT. Signals go on to the command, and its exit code comes back; " +
      "what fails before it starts ends with 125, or 126 if the command cannot be run and 127 if there is none. " +
      "An environment is inherited by every child and can be read in /proc by its user and root: files are better " +
      "where the program can read one.",
    args: [{ name: "CMD", variadic: true }],
    flags: [
      {
        name: "path",
        short: "p",
        value: "PATH",
        repeat: true,
        complete: "secret",
        summary: "Only this one; without it, all that this machine is entitled to",
      },
    ],
    examples: ["lab secret exec -p db/password -- pg_dump app", "lab secret exec -- ./server --port 8080"],
  },
  {
    words: ["secret", "cache"],
    module: "secret-cache",
    summary: "What this machine has of its secrets, and how old it is",
    details: "stale: a newer version exists, or it is time to fetch it anew; it is given until a store answers.",
    args: [],
    flags: LIST,
    examples: ["lab secret cache", "lab secret cache -o json"],
  },
];
