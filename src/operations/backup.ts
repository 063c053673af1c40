import * as z from "zod";
import { backupList } from "./kinds/backup.ts";
import { defineOperation } from "./operation.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

export const backupListOperation = defineOperation({
  name: "backup.list",
  kind: "read",
  method: "GET",
  path: "/v1/backups",
  summary: "The newest backup of every place, as the machines that made them wrote it down.",
  input: z.object({}),
  output: backupList,
  example: {},
});

export const backupMakeOperation = defineOperation({
  name: "backup.make",
  kind: "read",
  method: "POST",
  path: "/v1/backup-contents",
  summary:
    "A signed manifest of all entries and sealed secrets that this machine has, and the chunks that a place lacks.",
  input: z.object({
    number: count.min(1),
    previous: hash.nullable(),
    has: z.array(hash).default([]),
  }),
  output: z.instanceof(Uint8Array),
  produces: "application/octet-stream",
  example: { number: 1, previous: null, has: [] },
});

export const backupNoteOperation = defineOperation({
  name: "backup.note",
  kind: "write",
  method: "POST",
  path: "/v1/backups",
  summary: "Writes into the audit of this machine where a backup lies.",
  input: z.object({
    place: z.string().max(300),
    number: count.min(1),
    id: hash,
    entries: count,
    secrets: count,
    bytes: count,
  }),
  output: z.looseObject({ noted: z.literal(true) }),
  example: { place: "dir:/mnt/backup", number: 1, id: "3f".repeat(32), entries: 120, secrets: 3, bytes: 70_000 },
});
