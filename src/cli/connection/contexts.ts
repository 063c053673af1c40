import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";

/** A named agent; paths are absolute. `operator` is the directory of the keys that write through it. */
export interface ContextEntry {
  readonly home?: string;
  readonly socket?: string;
  readonly operator?: string;
}

export interface Contexts {
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, ContextEntry>>;
}

const NONE: Contexts = { current: null, contexts: {} };

/** What `contexts.json` in the operator's directory says; a missing file says nothing. */
export function readContexts(configDir: string): Contexts {
  const path = join(configDir, "contexts.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return NONE;
    const hint = "LAB_CONFIG=DIR in front of the command names another directory";
    throw new LabError(code === "EACCES" ? "NotAuthorised" : "InvalidFile", message, { hint }, { cause: error });
  }
  try {
    const { current, contexts } = JSON.parse(text) as Partial<Contexts>;
    return { current: current ?? null, contexts: contexts ?? {} };
  } catch {
    throw new LabError("InvalidFile", `${path} is not JSON`, { hint: "mend it or remove it" });
  }
}

export function writeContexts(configDir: string, contexts: Contexts): void {
  mkdirSync(configDir, { recursive: true, mode: 0o700 });
  const path = join(configDir, "contexts.json");
  writeFileSync(`${path}.new`, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Adds or replaces a context; which one is current stays. */
export function registerContext(configDir: string, name: string, entry: ContextEntry): void {
  const { current, contexts } = readContexts(configDir);
  writeContexts(configDir, { current, contexts: { ...contexts, [name]: entry } });
}

export function removeContext(configDir: string, name: string): void {
  const { current, contexts } = readContexts(configDir);
  const { [name]: _, ...others } = contexts;
  writeContexts(configDir, { current: current === name ? null : current, contexts: others });
}
