import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";

export type OutputFormat =
  | { readonly name: "table" | "wide" | "json" | "yaml" | "name" | "csv" }
  | { readonly name: "jsonpath" | "columns"; readonly spec: string };

export const FORMAT_NAMES = ["table", "wide", "json", "yaml", "name", "csv", "jsonpath=", "columns="] as const;

/** The value of `-o`. Throws `Usage`. */
export function parseOutputFormat(text: string): OutputFormat {
  const [, name = text, spec] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
  switch (name) {
    case "table":
    case "wide":
    case "json":
    case "yaml":
    case "name":
    case "csv":
      if (spec === undefined) return { name };
      break;
    case "jsonpath":
    case "columns":
      if (spec !== undefined) return { name, spec };
      break;
  }
  const near = nearest(text, FORMAT_NAMES);
  throw new LabError("Usage", `"${text}" is not an output format`, {
    field: "output",
    notes: near.length > 0 ? [`nearest: ${near.join(", ")}`] : [],
    hint: "-o table, wide, json, yaml, name, csv, jsonpath=… or columns=…",
  });
}
