import { readFile } from "node:fs/promises";
import { runTool } from "./run-tool.ts";

/** Accounts of this machine by name. */
export interface Accounts {
  /** Null if there is no such user. */
  uidOf(name: string): Promise<number | null>;
  /** Null if there is no such group. */
  gidOf(name: string): Promise<number | null>;
}

/** A directory service that does not answer must not keep secrets from everybody else. */
const SERVICE_TIMEOUT_MS = 3_000;

/** From the files of the system, and where they have not heard of a name, from whatever else it asks (getent). */
export function systemAccounts(): Accounts {
  return {
    uidOf: (name) => numberOf("passwd", name),
    gidOf: (name) => numberOf("group", name),
  };
}

async function numberOf(database: "passwd" | "group", name: string): Promise<number | null> {
  const text = await readFile(`/etc/${database}`, "utf8").catch(() => "");
  const known = find(text, name);
  if (known !== null) return known;
  const { exit, stdout } = await runTool("getent", [database, name], { timeoutMs: SERVICE_TIMEOUT_MS });
  return exit === 0 ? find(stdout.toString("utf8"), name) : null;
}

/** passwd(5) and group(5) agree on the first and the third field. */
function find(text: string, name: string): number | null {
  for (const line of text.split("\n")) {
    const [account, , id = ""] = line.split(":");
    if (account === name && /^\d{1,10}$/.test(id)) return Number(id);
  }
  return null;
}
