import type { RoutedAlert } from "../rule-set.ts";

/** What an alert tells about one server: what its test expects. */
export function annotationsFor({ name, summary, text }: RoutedAlert, server: string): Readonly<Record<string, string>> {
  return { summary: `${name} on ${server}`, description: summary, condition: text };
}

/** The same as templates, in which Prometheus fills in the server, and executes nothing that people wrote. */
export function annotationTemplates(alert: RoutedAlert): Readonly<Record<string, string>> {
  const { description, condition } = annotationsFor(alert, "");
  return {
    summary: `${plain(alert.name)} on {{ $labels.server }}`,
    description: plain(description ?? ""),
    condition: plain(condition ?? ""),
  };
}

function plain(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}

export function quoted(text: string): string {
  // A JSON string is a double-quoted scalar of YAML 1.2.
  return JSON.stringify(text);
}
