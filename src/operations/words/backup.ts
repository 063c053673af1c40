import type { CommandWords } from "../command.ts";
import { LIST, list, NO_HEADERS, S3_CREDENTIALS } from "./shared.ts";

const PLACE = { name: "PLACE" } as const;
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
    examples: ["lab backup create dir:/mnt/usb/lab", "lab backup create git:git@example.com:mesh.git --keep 30"],
  },
  {
    words: ["backup", "list"],
    module: "backup",
    summary: "Backups in a place, newest first, and what is wrong with them",
    args: [PLACE],
    flags: [{ name: "verify", summary: "Read everything and check every signature" }, NO_HEADERS, S3_CREDENTIALS],
    examples: ["lab backup list dir:/mnt/usb/lab --verify"],
  },
  {
    words: ["backup", "restore"],
    module: "backup-restore",
    summary: "Bring a mesh back from a backup, or add one to a home",
    details:
      "Checks every signature and every chain first, and says what is in the backup and what is missing. In an empty " +
      "home this device becomes a member, coordinator and secret-store of the same mesh: by the operator's key where " +
      "it is here, else by the recovery code, which lets in a new key. The code also opens the secrets for the new " +
      "store. In the home of a member what it lacks is added, and nothing that is newer goes.",
    args: [PLACE],
    flags: [
      { name: "node", value: "NODE", summary: "Name of this device (default: its host name)" },
      { name: "code", value: "FILE", complete: "file", summary: "The recovery code from a file instead of a prompt" },
      { name: "number", value: "NUMBER", summary: "Another backup than the newest" },
      {
        name: "gone",
        value: "NODE,NODE",
        repeat: true,
        summary: "Machines that will not come back: their keys are cut",
      },
      { name: "all-gone", summary: "None of the old machines will come back" },
      { name: "operator", value: "NAME", summary: "Whose lost key the recovery code replaces (default: the founder)" },
      S3_CREDENTIALS,
    ],
    examples: [
      "lab backup restore git:git@example.com:mesh.git --node nas-2 --all-gone",
      "lab backup restore dir:/mnt/usb/lab --code paper.txt",
    ],
  },
  list("backups", "get-backups", "Where backups of this mesh were made", LIST, undefined, ["lab get backups"]),
];
