import { NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";

/** The items with these names, in their own order; all of them without names. Throws `NotFound`. */
export function onlyNamed<T>(kind: string, names: readonly string[], items: readonly T[], nameOf: (item: T) => string) {
  if (names.length === 0) return items;
  const known = items.map(nameOf);
  for (const name of names) {
    if (!known.includes(name)) throw new NotFoundError(kind, name, nearest(name, known));
  }
  return items.filter((item) => names.includes(nameOf(item)));
}
