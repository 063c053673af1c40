import { stringify } from "yaml";

/** Words that YAML 1.1 takes for something else are quoted: other readers of the text may be older. */
const OPTIONS = { compat: "yaml-1.1", lineWidth: 80 } as const;

export function yamlText(value: unknown): string {
  return stringify(value, OPTIONS);
}
