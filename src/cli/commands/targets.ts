import { LabError } from "../../core/errors.ts";
import type { ServerTargets } from "../../operations/kinds/applied.ts";
import type { ItemDocument, ListDocument } from "../../operations/kinds/meta.ts";
import type { Server } from "../../operations/kinds/server.ts";
import type { CommandContext } from "../command.ts";
import { targetsPage } from "../render/applied.ts";
import { printItem, printList } from "../render/document.ts";
import { NOTHING } from "../render/text.ts";

/** `lab targets server NAME`, `lab targets -l SELECTOR`. */
export async function run(ctx: CommandContext): Promise<number> {
  return ctx.command.words[1] === "server" ? targetsOfServer(ctx) : serversOfSelector(ctx);
}

async function targetsOfServer(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const path = `/v1/targets/servers/${encodeURIComponent(ctx.args.one("NAME"))}`;
  const document = (await connection.call("GET", path)) as ItemDocument<ServerTargets>;
  await printItem(ctx, document, { name: ({ server }) => server }, targetsPage);
  return 0;
}

type Matched = Server & { readonly matchedBy: readonly { readonly kind: string; readonly name: string }[] };

/** The servers that a selector means, each with what of it the server fulfils. */
async function serversOfSelector(ctx: CommandContext): Promise<number> {
  const selectors = ctx.flags.values("selector");
  if (selectors.length === 0) {
    const hint = "lab targets -l prod,region=eu-west, or lab targets server NAME";
    throw new LabError("Usage", "targets of what?", { field: "selector", hint });
  }
  const [connection, { parseSelector }, { matchedBy }] = await Promise.all([
    ctx.connect(),
    import("../../core/selector/term.ts"),
    import("../../core/selector/select.ts"),
  ]);
  const terms = selectors.flatMap((text) => parseSelector(text));
  const query = { selector: selectors, allowEmpty: ctx.flags.on("allow-empty") || undefined };
  const document = (await connection.call("GET", "/v1/servers", { query })) as ListDocument<Server>;
  const items = document.items.map((server): Matched => ({ ...server, matchedBy: matchedBy(terms, server) }));
  await printList<Matched>(
    ctx,
    { ...document, items },
    {
      columns: [
        { header: "NAME", cell: ({ name }) => name },
        { header: "MATCHED BY", cell: reasons },
      ],
      name: ({ name }) => name,
      empty: { text: "no server matches" },
    },
  );
  return 0;
}

/** A server that only lacks what it must not have is matched by nothing. */
function reasons({ matchedBy }: Matched): string | string[] {
  return matchedBy.length === 0 ? NOTHING : matchedBy.map(({ kind, name }) => `${kind}: ${name}`);
}
