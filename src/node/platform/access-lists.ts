import { DeliveryFailedError } from "../../core/ports/secret-directory.ts";
import { runTool } from "./run-tool.ts";

/** Lets users read a file besides its owner and group. Throws `DeliveryFailed` where the file system cannot say so. */
export async function grantReaders(path: string, readers: readonly number[]): Promise<void> {
  const entries = readers.map((uid) => `u:${uid}:r`).join(",");
  const { exit, complaint } = await runTool("setfacl", ["-m", entries, "--", path]);
  if (exit === 0) return;
  const hint = "install setfacl (package acl); on ramfs there are no access lists: declare a group instead of readers";
  throw new DeliveryFailedError(`${path} cannot be opened to its readers: ${complaint}`, hint);
}
