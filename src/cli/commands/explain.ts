import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { Explained } from "../../operations/declarations/explain.ts";
import type { CommandContext } from "../command.ts";
import { loadExplanations } from "../argv/explanations.ts";
import { wrapped } from "../render/wrapped.ts";

/** `lab explain label.ports`: what a file can say there. Needs no agent. */
export async function run(ctx: CommandContext): Promise<number> {
  const all = await loadExplanations();
  const [typed] = ctx.args.all("PATH");
  const found = typed === undefined ? null : find(all, typed);
  const below = all.filter(({ path }) => isBelow(path, found?.path ?? null));
  if (ctx.globals.format.name === "json") {
    ctx.print(`${JSON.stringify({ kind: "Explanation", item: { ...found, fields: below } }, null, 2)}\n`);
    return 0;
  }
  const lines = found === null ? ["What lab apply -f reads:"] : head(found);
  lines.push(...entries(below));
  if (below.length === 0) lines.pop();
  if (found?.example)
    lines.push(
      "",
      "Example:",
      ...found.example
        .trimEnd()
        .split("\n")
        .map((line) => `  ${line}`),
    );
  ctx.print(lines.map((line) => `${line}\n`).join(""));
  if (found === null) ctx.note("hint: lab explain label.ports");
  return 0;
}

/** As it is written in files, too: `labels.web.ports`, `alert.target.exclude`. */
function find(all: readonly Explained[], typed: string): Explained {
  const singular = typed.replace(/^(\w+?)s(?=[.]|$)/, "$1");
  const spec = singular.replace(/^(\w+)[.]spec(?=[.]|$)/, "$1");
  const found = all.find(({ path }) => matches(path, spec)) ?? all.find(({ path }) => matches(path, withoutName(spec)));
  if (found !== undefined) return found;
  const near = nearest(
    spec,
    all.map(({ path }) => path),
  );
  throw new LabError("NotFound", `nothing is called ${typed} in declarations`, {
    notes: near.length > 0 ? [`nearest: ${near.join(", ")}`] : [],
    hint: "lab explain",
  });
}

function matches(path: string, typed: string): boolean {
  const [parts, words] = [path.split("."), typed.split(".")];
  return parts.length === words.length && parts.every((part, i) => part === words[i] || part === "<name>");
}

/** `label.web.ports` without the name of the label. */
function withoutName(typed: string): string {
  const [kind, name, ...rest] = typed.split(".");
  return rest.length === 0 ? [kind, name].join(".") : [kind, ...rest].join(".");
}

function isBelow(path: string, parent: string | null): boolean {
  if (parent === null) return !path.includes(".");
  const rest = path.startsWith(`${parent}.`) ? path.slice(parent.length + 1) : null;
  return rest !== null && rest.split(".").filter((part) => part !== "<name>").length === 1;
}

function head({ path, type, summary, need }: Explained): string[] {
  const lines = [`${path}   ${type}${need === "required" ? ", required" : ""}`];
  return summary === "" ? lines : [...lines, ...wrapped(`  ${summary}`, 0), ""];
}

/** Name, type and meaning in three columns. */
function entries(fields: readonly Explained[]): string[] {
  const names = fields.map(({ path, need }) => `${path.split(".").at(-1)}${need === "required" ? " (required)" : ""}`);
  const [first, second] = [widest(names), widest(fields.map(({ type }) => type))];
  return fields.flatMap(({ type, summary }, i) => {
    const text = `  ${(names[i] ?? "").padEnd(first)}  ${type.padEnd(second)}  ${summary}`.trimEnd();
    return wrapped(text, first + second + 4);
  });
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}
