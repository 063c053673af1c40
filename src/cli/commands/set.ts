import { LabError } from "../../core/errors.ts";
import { ATTRIBUTES, isLabelName, requireServerName } from "../../core/names.ts";
import { nearest } from "../../core/nearest.ts";
import type { CommandContext } from "../command.ts";
import { printChanges, requireSubject, withSigning } from "../signing/signing.ts";

/** `lab set server` and `lab unset server`. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  const unsets = ctx.command.words[0] === "unset";
  const attributes = unsets ? readKeys(ctx.args.all("KEY")) : readPairs(ctx.args.all("KEY=VALUE"));
  const { emptyPlan, planServer, serverPaths } = await import("../../operator/server-change.ts");
  await withSigning(ctx, { servers: [name], paths: serverPaths(name, { attributes }) }, async ({ session }) => {
    const plan = emptyPlan();
    planServer(plan, name, requireSubject(session.context, name), { attributes }, ctx.io.now());
    if (plan.changes.length > 0) await session.sign(plan);
    await printChanges(ctx, session.context, plan.changes);
  });
  return 0;
}

export function readPairs(words: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const word of words) {
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (key === undefined || value === undefined) {
      throw new LabError("Usage", `"${word}" is not KEY=VALUE`, { hint: "lab set server web-1 region=eu-west" });
    }
    requireAttribute(key);
    requireAttributeValue(key, value);
    if (pairs[key] !== undefined && pairs[key] !== value) {
      throw new LabError("Usage", `${key} was given twice: "${pairs[key]}" and "${value}"`, { field: key });
    }
    pairs[key] = value;
  }
  return pairs;
}

function readKeys(words: readonly string[]): Record<string, null> {
  return Object.fromEntries(words.map((word) => [requireAttribute(word), null]));
}

function requireAttribute(key: string): string {
  if ((ATTRIBUTES as readonly string[]).includes(key)) return key;
  const near = nearest(key, ATTRIBUTES);
  throw new LabError("Usage", `"${key}" is not an attribute of a server`, {
    field: key,
    notes: near.length > 0 ? [`nearest: ${near.join(", ")}`] : [],
    hint: `one of: ${ATTRIBUTES.join(", ")}`,
  });
}

/** Values are names like labels: they stand in selectors. Throws `InvalidName`. */
export function requireAttributeValue(key: string, value: string): string {
  if (isLabelName(value)) return value;
  throw new LabError("InvalidName", `"${value}" is not a value for ${key}`, {
    field: key,
    hint: "lower-case letters, digits, dots, hyphens and underscores, at most 63 (eu-west)",
  });
}
