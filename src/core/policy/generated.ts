import type { Json } from "../json.ts";

/**
 * What makes a secret's value, by its declaration; null where somebody sets it. While a declaration that counts names a
 * generator, and no longer, what stores sign at the path counts: an operator's word opens the way and closes it.
 */
export function generatorOf(declaration: Json | undefined): string | null {
  if (typeof declaration !== "object" || declaration === null || Array.isArray(declaration)) return null;
  const { type, generator } = declaration as { readonly [key: string]: Json | undefined };
  return type === "dynamic" && typeof generator === "string" && generator !== "" ? generator : null;
}
