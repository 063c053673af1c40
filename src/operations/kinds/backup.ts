import * as z from "zod";
import { listOf, time } from "./meta.ts";

/** The newest backup that was made to one place, as the machine that made it wrote it down. */
export const backupSchema = z
  .looseObject({
    place: z.string(),
    number: z.number(),
    id: z.string().describe("Hex of the hash of its manifest."),
    madeAt: time,
    by: z.string(),
    entries: z.number(),
    secrets: z.number(),
    bytes: z.number(),
  })
  .meta({ id: "Backup" });
export type Backup = z.infer<typeof backupSchema>;

export const backupList = listOf("Backup", backupSchema);
