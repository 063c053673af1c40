import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { LedgerSize, Status } from "../../operations/kinds/status.ts";
import type { CommandContext } from "../command.ts";
import { printItem } from "../render/document.ts";
import { ago, wrap } from "../render/text.ts";

export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const document = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const { asOf } = document.meta;
  const view = { name: ({ peer }: Status) => peer };
  await printItem(ctx, document, view, (status) => statusPage(status, asOf, ctx.io.now(), ctx.io.columns ?? 80));
  return 0;
}

/** Below that nobody need know how long a ledger is. */
const WORTH_TELLING = 1_000;

function statusPage(status: Status, asOf: string, nowMs: number, columns: number): string[] {
  const { members, online, missingRoles, warnings, roles, alarms = 0, ledgers = [] } = status;
  const large = ledgers.filter(({ entries, checkpoint }) => checkpoint !== null || entries > WORTH_TELLING);
  const isWhole = online === members;
  const bullet = (text: string) => wrap(text, columns, "    ").map((line, i) => (i === 0 ? line.slice(2) : line));
  return [
    `Mesh:     ${status.mesh}`,
    `Peer:     ${status.peer}, as of ${ago(asOf, nowMs)}`,
    `Members:  ${isWhole ? "✓" : "⚠"} ${online} of ${members} online`,
    `Roles:    ${roles.join(", ") || "–"}`,
    `State:    ${status.stateHash}`,
    ...large.flatMap((ledger, i) => [`${i === 0 ? "Ledgers:" : "        "}  ${ledgerText(ledger, nowMs)}`]),
    ...(alarms > 0 ? [`Alarms:   ✗ ${alarms} that nobody has seen: lab get alarms`] : []),
    ...(missingRoles.length > 0 ? ["", "Does not work until it is back:"] : []),
    ...missingRoles.flatMap(({ role, effect }) => bullet(`✗ ${role}: ${effect}`)),
    ...(warnings.length > 0 ? ["", "Warnings:"] : []),
    ...warnings.flatMap((warning) => bullet(`⚠ ${warning}`)),
    ...(isWhole && missingRoles.length + warnings.length + alarms === 0 ? ["", "✓ Everything works."] : []),
  ];
}

function ledgerText({ operator, entries, checkpoint }: LedgerSize, nowMs: number): string {
  const pinned =
    checkpoint === null ? "no checkpoint" : `checkpoint at ${checkpoint.entry}, ${ago(checkpoint.at, nowMs)}`;
  return `${operator} ${entries} ${entries === 1 ? "entry" : "entries"}, ${pinned}`;
}
