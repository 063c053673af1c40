import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { CommandContext } from "../command.ts";
import { type ContextEntry, readContexts, writeContexts } from "../connection/contexts.ts";
import { cellText, renderTable } from "../render/table.ts";
import { NOTHING } from "../render/text.ts";

export function run(ctx: CommandContext): Promise<number> {
  if (ctx.command.words[1] === "use") useContext(ctx, ctx.args.one("NAME"));
  else listContexts(ctx);
  return Promise.resolve(0);
}

function listContexts(ctx: CommandContext): void {
  const { current, contexts } = readContexts(ctx.place.configDir);
  const entries = Object.entries(contexts);
  if (ctx.globals.format.name === "json") {
    const items = entries.map(([name, entry]) => ({ name, current: name === current, ...entry }));
    ctx.print(`${JSON.stringify({ kind: "ContextList", items }, null, 2)}\n`);
    return;
  }
  if (ctx.globals.format.name === "name") {
    ctx.print(entries.map(([name]) => `${name}\n`).join(""));
    return;
  }
  if (entries.length === 0) {
    ctx.note("no contexts yet");
    return;
  }
  const row = ([name, entry]: [string, ContextEntry]) => [
    name === current ? "*" : "",
    name,
    entry.home ?? entry.socket ?? NOTHING,
    entry.operator ?? NOTHING,
  ];
  const headers = ["CURRENT", "NAME", "HOME", "OPERATOR"];
  const lines = renderTable(headers, entries.map(row), { headers: !ctx.flags.on("no-headers") });
  ctx.print(lines.map((line) => `${cellText(line)}\n`).join(""));
}

function useContext(ctx: CommandContext, name: string): void {
  const { contexts } = readContexts(ctx.place.configDir);
  if (!Object.hasOwn(contexts, name)) {
    const near = nearest(name, Object.keys(contexts));
    const notes = near.length > 0 ? [`nearest: ${near.join(", ")}`] : [];
    throw new LabError("NotFound", `context "${name}" does not exist`, { notes, hint: "lab context list" });
  }
  writeContexts(ctx.place.configDir, { current: name, contexts });
  ctx.note(`commands now speak to ${name}`);
}
