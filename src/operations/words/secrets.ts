import type { CommandWords } from "../command.ts";
import { DECLARED, list } from "./shared.ts";

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
];
