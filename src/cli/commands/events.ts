import type { CommandContext } from "../command.ts";
import type { ServerEvent } from "../connection/connection.ts";
import { paint } from "../render/paint.ts";
import { clockTime, NOTHING, pad, printable } from "../render/text.ts";

/** Follows until it is interrupted or the agent goes. */
export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect("agent");
  for await (const event of connection.stream("/v1/events")) {
    ctx.print(`${ctx.globals.format.name === "json" ? JSON.stringify(event) : paint(inWords(event), ctx.io.color)}\n`);
  }
  ctx.note("the agent closed the stream");
  return 0;
}

function inWords({ event, data }: ServerEvent): string {
  const facts = typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
  const word = (name: string) => (typeof facts[name] === "string" ? facts[name] : NOTHING);
  const time = clockTime(word("time"));
  return printable(`${time}  ${pad(event, 5)}  ${describe(event, word)}`);
}

function describe(event: string, word: (name: string) => string): string {
  switch (event) {
    case "entry":
      return `${word("author")} ${word("action")} ${word("object")}`;
    case "view":
      return `state is now ${word("stateHash").slice(0, 12)}`;
    case "peer":
      return `${word("name")} ${word("online") === "yes" ? "✓ online" : "✗ not heard"}`;
    case "alarm":
      return `${word("state") === "raised" ? "✗" : "✓"} ${word("id")} ${word("state")}: ${word("detail")}`;
    default:
      return NOTHING;
  }
}
