import { requireSecretPath } from "../../core/names.ts";
import type { SecretVersion } from "../../operations/kinds/secret-version.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { clockTime, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<SecretVersion> = {
  columns: [
    { header: "VERSION", cell: ({ version }) => version.slice(0, 12), exact: ({ version }) => version },
    { header: "SET", cell: ({ time }) => clockTime(time), exact: ({ time }) => time },
    { header: "BY", cell: ({ by }) => by },
    { header: "STATE", cell: printState, exact: ({ state }) => state },
    { header: "STORES", cell: ({ stores }) => printStores(stores) },
    { header: "CLASS", wide: true, cell: ({ class: kind }) => kind || NOTHING },
  ],
  name: ({ version }) => version,
  empty: { text: "it was never set" },
};

function printState({ state, restores }: SecretVersion): string {
  const words = state === "current" ? "✓ current" : state === "lost" ? "⚠ set at once" : state;
  return restores === null ? words : `${words}, as ${restores.slice(0, 12)}`;
}

function printStores(stores: SecretVersion["stores"]): string {
  if (stores === null) return "unknown";
  return stores.length === 0 ? NOTHING : stores.join(", ");
}

/** `lab secret history PATH`: every version, the current one first. */
export function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  return runList(ctx, { path: "/v1/secret-versions", query: { path }, view: VIEW });
}
