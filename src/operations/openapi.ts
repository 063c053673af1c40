import * as z from "zod";
import { declarationComponents } from "./declarations/json-schema.ts";
import type { Operation } from "./operation.ts";

type Schema = Record<string, unknown>;

/** OpenAPI 3.1 of the operations. Schemas with an id of their own are shared components. */
export function openApiDocument(operations: readonly Operation[]): Schema {
  const components: Schema = {
    Error: {
      type: "object",
      properties: {
        error: {
          type: "object",
          properties: Object.fromEntries(
            ["code", "message", "hint", "field", "peer", "asOf"].map((name) => [name, { type: "string" }]),
          ),
          required: ["code", "message"],
        },
      },
      required: ["error"],
    },
  };
  Object.assign(components, declarationComponents());
  const paths: Record<string, Schema> = {};
  for (const operation of operations) {
    const path = operation.path.replace("+}", "}");
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(operation, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "lab",
      version: "1",
      description: "Within v1, fields and values of enumerations are only added; readers ignore what they do not know.",
    },
    paths,
    components: { schemas: components },
  };
}

function describe(operation: Operation, components: Schema): Schema {
  const input = schemaOf(operation.input, "input", components);
  const properties = (input["properties"] ?? {}) as Record<string, Schema>;
  const required = (input["required"] ?? []) as readonly string[];
  const inPath = [...operation.path.matchAll(/\{(\w+)\+?\}/g)].map(([, name = ""]) => name);
  const rest = Object.keys(properties).filter((name) => !inPath.includes(name));
  const parameter = (name: string, place: string) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: properties[name],
  });
  const isPost = operation.method === "POST";
  const inQuery = isPost ? [] : rest;
  return {
    operationId: operation.name,
    summary: operation.summary,
    ...(operation.right ? { "x-lab-right": operation.right } : {}),
    parameters: [...inPath.map((name) => parameter(name, "path")), ...inQuery.map((name) => parameter(name, "query"))],
    ...(isPost ? { requestBody: { required: true, content: { "application/json": { schema: input } } } } : {}),
    responses: {
      200: {
        description: "Done.",
        content: { [operation.produces ?? "application/json"]: answer(operation, components) },
      },
      default: {
        description: "An error with a stable code.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function answer(operation: Operation, components: Schema): Schema {
  if (operation.produces === "application/octet-stream") return {};
  return { schema: schemaOf(operation.output, "output", components) };
}

/** The JSON Schema of a zod schema, with its named parts moved into `components`. */
function schemaOf(schema: z.ZodType, io: "input" | "output", components: Schema): Schema {
  const text = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: "any" }));
  const {
    $schema: _,
    $defs = {},
    ...own
  } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as Schema;
  Object.assign(components, withoutIds($defs as Record<string, Schema>));
  return own;
}

function withoutIds(schemas: Readonly<Record<string, Schema>>): Schema {
  return Object.fromEntries(Object.entries(schemas).map(([name, { id: _, ...schema }]) => [name, schema]));
}
