import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import type { CommandContext } from "../command.ts";
import { commandPrefix } from "../next-command.ts";

/** Makes this device a member. What it interrupts can be done again: the same home gets the same answer. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = ctx.flags.value("name");
  const home = ctx.place.home ?? ctx.place.newHome;
  if (ctx.globals.peer !== undefined) {
    throw new LabError("Usage", "a machine joins by itself, not through a peer", { field: "peer" });
  }
  const { joinMesh } = await import("../node-door.ts");
  const token = ctx.args.one("TOKEN").trim();
  const wish = name === undefined ? null : requireServerName(name);
  ctx.note("asking the coordinator that made the token …");
  const joined = await joinMesh({ home, token, name: wish });
  ctx.print(`✓ this device is ${joined.name}, a member of mesh ${joined.meshName}: ${home}\n`);
  ctx.note("next:");
  ctx.note(`  ${commandPrefix(ctx, "here", home)} agent --detach`);
  return 0;
}
