import type { CommandWords, FlagWords } from "../command.ts";
import { LIST, list, NO_HEADERS } from "./shared.ts";

const PLACE = { name: "PLACE" } as const;
const S3_CREDENTIALS: FlagWords = {
  name: "s3-credentials",
  value: "FILE",
  complete: "file",
  summary: "Credentials for s3: as of the AWS tools (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
};

/** Backups: what is left when every machine is gone. */
export const backupCommands: readonly CommandWords[] = [
  {
    words: ["backup", "create"],
    module: "backup",
    summary: "Back up the mesh: its signed entries and sealed secrets",
    details:
      "PLACE is dir:PATH, git:URL#BRANCH (default branch: lab-backup) or s3:https://HOST/BUCKET/PREFIX. No key is in a " +
      "backup and no value of a secret can be read from it; names, labels and the audit can. Made by the agent of this machine; secrets are in " +
      "it if that is a secret-store.",
    args: [PLACE],
    flags: [
      { name: "keep", value: "COUNT", summary: "Let go of all but the newest so many backups there" },
      S3_CREDENTIALS,
    ],
    examples: [
      "lab backup create dir:/mnt/usb/lab",
      "lab backup create git:git@git.example.com:alice/mesh.git --keep 30",
    ],
  },
  {
    words: ["backup", "list"],
    module: "backup",
    summary: "Backups in a place, newest first, and what is wrong with them",
    args: [PLACE],
    flags: [{ name: "verify", summary: "Read everything and check every signature" }, NO_HEADERS, S3_CREDENTIALS],
    examples: ["lab backup list dir:/mnt/usb/lab --verify"],
  },
  list("backups", "get-backups", "Where backups of this mesh were made", LIST, undefined, ["lab get backups"]),
];
