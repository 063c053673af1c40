import { type PlacedFile, planGeneration } from "../../../src/core/delivery/generation.ts";
import type { SecretDirectory } from "../../../src/core/ports/secret-directory.ts";
import { Secret } from "../../../src/core/secret.ts";

const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, mode: 0o400, readers: [] };

export function placed(contents: Readonly<Record<string, string>>): PlacedFile[] {
  return Object.entries(contents).map(([name, content]) => ({
    name,
    version: `v-${content}`,
    access: own,
    reload: name.startsWith("mail/") ? "postfix.service" : null,
  }));
}

/** Brings the directory to these contents, as the agent does. */
export async function bring(directory: SecretDirectory, contents: Readonly<Record<string, string>>): Promise<string[]> {
  const plan = planGeneration(await directory.current(), placed(contents));
  const written: string[] = [];
  if (plan.state === "same") return written;
  await directory.replace(plan.generation, plan.kept, (name) => {
    written.push(name);
    return Promise.resolve(new Secret(new Uint8Array(Buffer.from(contents[name] ?? ""))));
  });
  return written;
}
