import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Status } from "../../operations/kinds/status.ts";
import type { CommandContext } from "../command.ts";
import { printItem } from "../render/document.ts";
import { ago, wrap } from "../render/text.ts";

export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const document = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const { asOf } = document.meta;
  const view = { name: ({ peer }: Status) => peer };
  await printItem(ctx, document, view, (status) => statusPage(status, ago(asOf, ctx.io.now()), ctx.io.columns ?? 80));
  return 0;
}

function statusPage(status: Status, freshness: string, columns: number): string[] {
  const { members, online, missingRoles, warnings, roles, alarms = 0 } = status;
  const isWhole = online === members;
  const bullet = (text: string) => wrap(text, columns, "    ").map((line, i) => (i === 0 ? line.slice(2) : line));
  return [
    `Mesh:     ${status.mesh}`,
    `Peer:     ${status.peer}, as of ${freshness}`,
    `Members:  ${isWhole ? "✓" : "⚠"} ${online} of ${members} online`,
    `Roles:    ${roles.join(", ") || "–"}`,
    `State:    ${status.stateHash}`,
    ...(alarms > 0 ? [`Alarms:   ✗ ${alarms} that nobody has seen: lab get alarms`] : []),
    ...(missingRoles.length > 0 ? ["", "Does not work until it is back:"] : []),
    ...missingRoles.flatMap(({ role, effect }) => bullet(`✗ ${role}: ${effect}`)),
    ...(warnings.length > 0 ? ["", "Warnings:"] : []),
    ...warnings.flatMap((warning) => bullet(`⚠ ${warning}`)),
    ...(isWhole && missingRoles.length + warnings.length + alarms === 0 ? ["", "✓ Everything works."] : []),
  ];
}
