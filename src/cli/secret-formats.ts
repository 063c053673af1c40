import { LabError } from "../core/errors.ts";
import { secretVariable } from "../core/policy/secret-variable.ts";

export const EXPORT_FORMATS = ["env", "docker", "systemd", "k8s", "cloud-init"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export function isExportFormat(word: string): word is ExportFormat {
  return (EXPORT_FORMATS as readonly string[]).includes(word);
}

export interface ExportedSecret {
  readonly path: string;
  readonly value: Uint8Array;
}

/**
 * - `env`: assignments for a POSIX shell · `docker`: for `docker run --env-file` · `systemd`: for `EnvironmentFile=`
 * - `k8s`: a Secret · `cloud-init`: `write_files` below /run/secrets
 *
 * Throws `Invalid` for a value that the form cannot carry, and where two paths would have one name.
 */
export function exportText(format: ExportFormat, secrets: readonly ExportedSecret[]): string {
  const sorted = [...secrets].sort((a, b) => (a.path < b.path ? -1 : 1));
  switch (format) {
    case "env":
      return variables(sorted, (text) => `'${text.replaceAll("'", "'\\''")}'`);
    case "docker":
      return variables(sorted, (text, path) => {
        if (!/[\n\r]/.test(text)) return text;
        throw unfit(path, "has several lines, and an env-file has one for each", "mount it as a file, or --format k8s");
      });
    case "systemd":
      return variables(sorted, (text) => `"${text.replace(/["\\$`]/g, (mark) => `\\${mark}`)}"`);
    case "k8s":
      return kubernetesSecret(sorted);
    case "cloud-init":
      return cloudConfig(sorted);
  }
}

function variables(secrets: readonly ExportedSecret[], quoted: (text: string, path: string) => string): string {
  const taken = new Map<string, string>();
  return secrets
    .map(({ path, value }) => {
      const name = secretVariable(path);
      const twin = taken.get(name);
      if (twin !== undefined) {
        throw new LabError("Invalid", `secrets "${twin}" and "${path}" would both be ${name}`, {
          hint: "name the one that is meant: -p PATH",
        });
      }
      taken.set(name, path);
      return `${name}=${quoted(textOf(path, value), path)}\n`;
    })
    .join("");
}

function textOf(path: string, value: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below, with what to do.
  }
  throw unfit(path, "is not text: an environment cannot carry it", "--format k8s, or cloud-init, carries bytes");
}

function unfit(path: string, what: string, hint: string): LabError {
  return new LabError("Invalid", `secret "${path}" ${what}`, { hint });
}

/** Keys of a Secret are `[-._a-zA-Z0-9]+`: dots in place of slashes, which no path has. */
function kubernetesSecret(secrets: readonly ExportedSecret[]): string {
  const data = secrets.map(({ path, value }) => `  ${path.replaceAll("/", ".")}: ${base64(value)}\n`);
  const head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: lab-secrets\ntype: Opaque\n";
  return `${head}${data.length === 0 ? "data: {}\n" : `data:\n${data.join("")}`}`;
}

function cloudConfig(secrets: readonly ExportedSecret[]): string {
  const files = secrets.map(
    ({ path, value }) =>
      `  - path: /run/secrets/${path}\n    permissions: "0400"\n    encoding: b64\n    content: ${base64(value)}\n`,
  );
  return `#cloud-config\nwrite_files:${files.length === 0 ? " []\n" : `\n${files.join("")}`}`;
}

/** In quotes: `1234`, `true` or `12e3` is base64 as well, and YAML reads each of them as something else than text. */
function base64(value: Uint8Array): string {
  return `"${Buffer.from(value).toString("base64")}"`;
}
