import type { CommandWords } from "../command.ts";
import { DECLARED, LIST, list } from "./shared.ts";

const PATH = { name: "PATH", complete: "secret" } as const;

/** Secrets. */
export const secretsCommands: readonly CommandWords[] = [
  list("secrets", "get-secrets", "Secrets by path, without their values", DECLARED, "secret", ["lab get secrets"]),
  {
    words: ["secret", "set"],
    module: "secret-set",
    summary: "Seal a value for the machines that are entitled to it",
    details: "The value comes from a prompt, from standard input or from a file; never from an argument.",
    args: [PATH],
    flags: [
      { name: "from-file", value: "FILE", complete: "file", summary: "Read the value from a file, byte for byte" },
    ],
    examples: ["lab secret set web/tls --from-file tls.pem", "pwgen 32 1 | lab secret set db/password"],
  },
  {
    words: ["secret", "get"],
    module: "secret-get",
    summary: "Print a value that this machine is entitled to, or you are",
    details:
      "Where the machine is not entitled, an operator's key that may read the secret asks a store for it " +
      "(lab secret allow). The store writes down who read what, and the answer is sealed to this one request.",
    args: [PATH],
    flags: [{ name: "as-operator", summary: "Ask with your key in any case" }],
    examples: ["lab secret get web/tls", "lab secret get db/password --as-operator"],
  },
  {
    words: ["secret", "allow"],
    module: "secret-allow",
    summary: "Say which operators may read a value besides its machines: these, and nobody else",
    details:
      "All live keys of these operators; a key that they get later has to be allowed again. It takes the right admin. " +
      "Without it nobody reads but machines.",
    args: [PATH, { name: "OPERATOR", optional: true, variadic: true }],
    flags: [{ name: "nobody", summary: "No operator may read it" }],
    examples: ["lab secret allow db/password bob", "lab secret allow db/password --nobody"],
  },
  {
    words: ["secret", "rotate"],
    module: "secret-rotate",
    summary: "Have the stores make a new value of a secret that a generator makes",
    args: [PATH],
    flags: [],
    examples: ["lab secret rotate db/password"],
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
  {
    words: ["secret", "history"],
    module: "secret-history",
    summary: "Versions of a secret: who set it when, and which stores keep it",
    details: "set at once: its writer did not know of the current one; it is kept, and can be returned to.",
    args: [PATH],
    flags: LIST,
    examples: ["lab secret history web/tls"],
  },
  {
    words: ["secret", "rollback"],
    module: "secret-rollback",
    summary: "Make the value of an older version the current one again",
    details: "Stores keep five versions of a secret. The value does not leave them for it.",
    args: [PATH],
    flags: [{ name: "to", value: "VERSION", summary: "Which one, or its first letters; without it the one before" }],
    examples: ["lab secret rollback web/tls", "lab secret rollback web/tls --to 3f2a91"],
  },
  {
    words: ["secret", "delete"],
    module: "secret-delete",
    summary: "Delete the value of a secret: machines forget it",
    args: [PATH],
    flags: [],
    examples: ["lab secret delete old/api-key --yes"],
  },
  {
    words: ["secret", "status"],
    module: "secret-status",
    summary: "How secrets reach this machine, or how complete the stores are",
    args: [],
    flags: [{ name: "store", summary: "The stores: what each of them holds, by its own word" }],
    examples: ["lab secret status", "lab secret status --store"],
  },
  {
    words: ["secret", "audit"],
    module: "secret-audit",
    summary: "What is wrong with secrets, or who read what when",
    args: [{ name: "PATH", optional: true, variadic: true, complete: "secret" }],
    flags: [
      ...LIST,
      { name: "reads", summary: "What stores gave and refused; so it is with a PATH" },
      { name: "since", value: "AGE", summary: "Only what was asked within it: 24h" },
      { name: "exit-code", summary: "End with 3 if something is to be rotated" },
    ],
    examples: ["lab secret audit", "lab secret audit web/tls", "lab secret audit --reads --since 24h"],
  },
  {
    words: ["secret", "export"],
    module: "secret-export",
    summary: "Write this machine's secrets in a form that something else reads",
    details: "What is written is in the clear, and nothing rotates it: files below /run/secrets are better.",
    args: [],
    flags: [
      { name: "format", value: "FORMAT", summary: "env, docker, systemd, k8s or cloud-init" },
      { name: "out", value: "FILE", complete: "file", summary: "To a file of mode 0600 instead of standard output" },
      {
        name: "path",
        short: "p",
        value: "PATH",
        repeat: true,
        complete: "secret",
        summary: "Only this one; without it, all that this machine is entitled to",
      },
    ],
    examples: ["lab secret export --format env", "lab secret export --format k8s -p web/tls --out tls-secret.yaml"],
  },
];
