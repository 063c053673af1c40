/** A rule of targeting in one line, as a selector says it: `label in (k8s-worker,k8s-server),region=eu-west`. */
export function ruleText(rule: Readonly<Record<string, unknown>> | null): string {
  if (rule === null) return "";
  const { exclude, ...keys } = rule;
  const wanted = Object.entries(keys).map(([key, values]) => term(key, textsOf(values)));
  const left = Object.entries(isMap(exclude) ? exclude : {}).map(([key, values]) => `!${term(key, textsOf(values))}`);
  return [...wanted, ...left].filter((text) => text !== "" && text !== "!").join(",");
}

const SELECTOR_KEY: Readonly<Record<string, string>> = { labels: "label", servers: "server", groups: "group" };

function term(key: string, values: readonly string[]): string {
  const [only] = values;
  if (only === undefined) return "";
  // All of them: each is a term of its own.
  if (key === "allLabels") return values.join(",");
  if (values.length > 1) return `${SELECTOR_KEY[key] ?? key} in (${values.join(",")})`;
  return key === "labels" ? only : `${SELECTOR_KEY[key] ?? key}=${only}`;
}

function textsOf(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.map(String) : [];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
