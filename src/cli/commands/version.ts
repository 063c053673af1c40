import project from "../../../package.json" with { type: "json" };
import type { CommandContext } from "../command.ts";

export function run(ctx: CommandContext): Promise<number> {
  const { version } = project;
  const asJson = ctx.globals.format.name === "json";
  const facts = { version, node: process.version, platform: `${process.platform}-${process.arch}` };
  ctx.print(asJson ? `${JSON.stringify(facts, null, 2)}\n` : `lab ${version} (Node ${process.version})\n`);
  return Promise.resolve(0);
}
