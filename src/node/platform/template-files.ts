import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isTemplateName, parseTemplate, type Template } from "../../core/delivery/template.ts";
import { LabError } from "../../core/errors.ts";
import type { TemplateReading } from "../delivery/secret-delivery.ts";

const MOST_BYTES = 1024 * 1024;

/** The templates of a home: whoever may write there may have every secret of this machine anyway. */
export async function readTemplates(directory: string): Promise<TemplateReading> {
  const names: string[] = await readdir(directory).catch(() => []);
  const templates: Template[] = [];
  const refused: { name: string; reason: string }[] = [];
  for (const name of names.sort()) {
    // What editors leave beside the file that they write.
    if (name.startsWith(".") || name.endsWith("~")) continue;
    try {
      if (!isTemplateName(name)) throw new LabError("InvalidFile", "a template's name has letters, digits, . _ and -");
      const bytes = await readFile(join(directory, name));
      if (bytes.length > MOST_BYTES) throw new LabError("InvalidFile", `a template has at most ${MOST_BYTES} bytes`);
      templates.push(parseTemplate(name, bytes));
    } catch (error) {
      refused.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { templates, refused };
}

/** Calls `changed` when a template is written; null where there are none to watch. Costs nothing while nothing happens. */
export function watchTemplates(directory: string, changed: () => void): { close(): void } | null {
  let watcher: FSWatcher;
  try {
    watcher = watch(directory, { persistent: false }, changed);
  } catch {
    return null;
  }
  watcher.on("error", () => watcher.close());
  return watcher;
}
