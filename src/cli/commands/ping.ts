import { LabError } from "../../core/errors.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Ping } from "../../operations/kinds/ping.ts";
import type { CommandContext } from "../command.ts";
import { printItem } from "../render/document.ts";

/** Ends with 1 when nothing came back. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = ctx.args.one("NODE");
  const count = countOf(ctx.flags.value("count"));
  const connection = await ctx.connect("agent");
  const body = count === undefined ? {} : { count };
  const path = `/v1/peers/${encodeURIComponent(name)}/ping`;
  const document = (await connection.call("POST", path, { body })) as ItemDocument<Ping>;
  await printItem(ctx, document, { name: (ping: Ping) => ping.name }, (ping) => page(ping, document.meta.peer));
  return document.item.received > 0 ? 0 : 1;
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^([1-9]\d?|100)$/.test(text)) return Number(text);
  throw new LabError("Usage", `--count cannot be "${text}"`, { field: "count", hint: "a whole number from 1 to 100" });
}

const WAYS: Readonly<Record<Ping["path"], string>> = {
  self: "the asked peer itself",
  direct: "over the connection that stood",
  dialled: "over a connection made for this",
  none: "no connection could be made",
};

function page(ping: Ping, from: string): string[] {
  const { name, sent, received, lossPercent, minMs, avgMs, maxMs, path, address, detail } = ping;
  const times = [minMs, avgMs, maxMs].map((ms) => (ms ?? 0).toFixed(1)).join("/");
  const all = received === sent && received > 0;
  return [
    `${all ? "✓" : received > 0 ? "⚠" : "✗"} ${name}: ${received} of ${sent} answered, ${Math.round(lossPercent)} % lost`,
    ...(received > 0 ? [`  round trip min/avg/max ${times} ms`] : []),
    `  from ${from}, ${WAYS[path]}${address === null ? "" : `, ${address}`}`,
    ...(detail === "" ? [] : [`  ${detail}`]),
  ];
}
