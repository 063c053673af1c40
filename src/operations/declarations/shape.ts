import * as z from "zod";

type Path = readonly PropertyKey[];

/** The keys that a schema knows at the end of a path, for `did you mean`. Empty where any key may stand. */
export function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  return alternatives(schema, path).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []));
}

/** What can stand at the end of a path, without the wrappers that make it optional or a list of one. */
function alternatives(schema: z.ZodType, path: Path): readonly z.ZodType[] {
  const [part, ...rest] = path;
  return unwrap(schema).flatMap((one) => {
    if (part === undefined) return [one];
    if (one instanceof z.ZodArray) return alternatives(one.element as z.ZodType, rest);
    if (one instanceof z.ZodRecord) return alternatives(one.valueType as z.ZodType, rest);
    const member = one instanceof z.ZodObject ? (one.shape[String(part)] as z.ZodType | undefined) : undefined;
    return member === undefined ? [] : alternatives(member, rest);
  });
}

export function unwrap(schema: z.ZodType): readonly z.ZodType[] {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrap(schema.out as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => unwrap(one as z.ZodType));
  return [schema];
}
