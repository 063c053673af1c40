import * as z from "zod";
import { declaredKinds, documentSchema } from "./registry.ts";

type Schema = Record<string, unknown>;

/** JSON Schema of a file of declarations, for editors: draft 7, which is what yaml-language-server reads. */
export function declarationJsonSchema(): Schema {
  return toJsonSchema(documentSchema(), "draft-7");
}

/** What stands below a kind's name or `spec`, and what that is made of, by the names of OpenAPI's components. */
export function declarationComponents(): Schema {
  const components: Schema = {};
  for (const { kind, spec } of declaredKinds) {
    const text = JSON.stringify(toJsonSchema(spec, "draft-2020-12"));
    const {
      $schema: _,
      $defs = {},
      ...schema
    } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as Schema;
    for (const [name, { id: __, ...shared }] of Object.entries($defs as Readonly<Record<string, Schema>>)) {
      components[name] = shared;
    }
    components[`${kind}Declaration`] = schema;
  }
  return components;
}

function toJsonSchema(schema: z.ZodType, target: "draft-7" | "draft-2020-12"): Schema {
  return z.toJSONSchema(schema, {
    target,
    // What is read is what comes out of the preparing steps: those only make a list of a scalar.
    io: "output",
    unrepresentable: "any",
    reused: "inline",
    cycles: "ref",
    override: ({ zodSchema, jsonSchema }) => {
      const schema = jsonSchema as Schema;
      if (zodSchema instanceof z.ZodArray) allowScalar(schema);
      // A key without a value is an empty map.
      if (zodSchema instanceof z.ZodPipe && schema.type === "object") schema.type = ["object", "null"];
    },
  }) as Schema;
}

/** A scalar is a list of one. */
function allowScalar(schema: Schema): void {
  const { type, items, maxItems, ...others } = schema;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, { anyOf: [items, { type, items, maxItems }], ...others });
}
