import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { printDeclarations } from "../../../scripts/reference.ts";
import { explainDeclarations } from "../../../src/operations/declarations/explain.ts";
import { declarationComponents, declarationJsonSchema } from "../../../src/operations/declarations/json-schema.ts";

type Schema = Readonly<Record<string, unknown>>;

function referencesIn(schema: unknown): string[] {
  return [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = ""]) => ref);
}

describe("of the one registry of declarations", () => {
  test("the reference is made, and it is the one in docs", () => {
    const path = join(import.meta.dirname, "../../../docs/declarations.md");
    expect(readFileSync(path, "utf8"), "npm run prepare writes it").toBe(printDeclarations());
  });

  test("every field has a sentence", () => {
    expect(explainDeclarations().filter(({ summary }) => !summary.endsWith(".") && !summary.endsWith("…"))).toEqual([]);
  });

  test("a schema of draft 7 is made, which editors read, and all of whose references lead somewhere", () => {
    const schema = declarationJsonSchema();
    expect(schema.$schema).toBe("http://json-schema.org/draft-07/schema#");
    const definitions = Object.keys(schema.definitions as Schema).map((name) => `#/definitions/${name}`);
    expect(definitions).toEqual(expect.arrayContaining(referencesIn(schema)));
    const [shorthand] = schema.anyOf as readonly Schema[];
    expect(Object.keys(shorthand?.properties as Schema)).toEqual([
      "labels",
      "groups",
      "alerts",
      "sizes",
      "secrets",
      "servers",
      "alarm_routes",
      "$schema",
    ]);
    expect(shorthand?.additionalProperties).toBe(false);
  });

  test("components of OpenAPI are made, one for each kind, and all of their references lead somewhere", () => {
    const components = declarationComponents();
    const names = Object.keys(components).map((name) => `#/components/schemas/${name}`);
    expect(names).toEqual(expect.arrayContaining(referencesIn(components)));
    expect(Object.keys(components)).toEqual(expect.arrayContaining(["LabelDeclaration", "ServerDeclaration"]));
  });
});
