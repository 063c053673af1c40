import * as z from "zod";
import { declaredKinds } from "./registry.ts";
import { unwrap } from "./shape.ts";

/** One kind or field of declarations in words, for `lab explain` and the reference. Plain data: no schema is behind it. */
export interface Explained {
  /** `label`, `label.ports`, `alert.target.exclude.servers`; a name that people choose is `<name>`. */
  readonly path: string;
  readonly type: string;
  /** Empty where the type says it all. */
  readonly summary: string;
  readonly need: "required" | "optional";
  /** In shorthand; of kinds only. */
  readonly example: string | null;
}

/** Every kind and field, each kind with its fields behind it. */
export function explainDeclarations(): Explained[] {
  return declaredKinds.flatMap(({ singular, section, spec, example }) => {
    const type = singular === "alert" ? `list in ${section}` : `map in ${section}`;
    const kind = { path: singular, type, summary: spec.description ?? "", need: "optional", example } as const;
    const named = { path: "alert.name", type: "text", summary: "Its name.", need: "required", example: null } as const;
    return [kind, ...(singular === "alert" ? [named] : []), ...fieldsOf(singular, spec)];
  });
}

function fieldsOf(path: string, schema: z.ZodType): Explained[] {
  return unwrap(schema).flatMap((one) => {
    if (one instanceof z.ZodObject) {
      return Object.entries(one.shape as Readonly<Record<string, z.ZodType>>).flatMap(([name, member]) => {
        const at = `${path}.${name}`;
        const need = member.safeParse(undefined).success ? ("optional" as const) : ("required" as const);
        const field = { path: at, type: typeOf(member), summary: summaryOf(member), need, example: null };
        return [field, ...fieldsOf(at, member)];
      });
    }
    const hasNames = one instanceof z.ZodRecord && holdsMaps(one.valueType as z.ZodType);
    return hasNames ? fieldsOf(`${path}.<name>`, one.valueType as z.ZodType) : [];
  });
}

function holdsMaps(schema: z.ZodType): boolean {
  return unwrap(schema).some((one) => one instanceof z.ZodObject);
}

function summaryOf(schema: z.ZodType): string {
  return schema.description ?? unwrap(schema).find(({ description }) => description !== undefined)?.description ?? "";
}

function typeOf(schema: z.ZodType): string {
  return [...new Set(unwrap(schema).map(oneType))].join(" or ");
}

function oneType(schema: z.ZodType): string {
  const { title } = schema.meta() ?? {};
  if (title !== undefined) return title;
  if (schema instanceof z.ZodEnum) return schema.options.join(" | ");
  if (schema instanceof z.ZodArray) return `list of ${typeOf(schema.element as z.ZodType)}`;
  if (schema instanceof z.ZodObject) return "map";
  if (schema instanceof z.ZodRecord) return "map";
  if (schema instanceof z.ZodBoolean) return "true | false";
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodNull) return "nothing";
  return "text";
}
