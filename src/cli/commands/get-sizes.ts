import { printQuantity } from "../../core/quantity.ts";
import type { Size } from "../../operations/kinds/size.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Size> = {
  columns: [
    { header: "SIZE", cell: ({ name }) => name },
    { header: "CORES", cell: ({ cores }) => String(cores ?? NOTHING) },
    { header: "MEMORY", cell: ({ memoryBytes }) => amount(memoryBytes) },
    { header: "DISK", cell: ({ diskBytes }) => amount(diskBytes) },
    { header: "PROVIDERS", cell: ({ providers }) => Object.keys(providers).sort().join(",") || NOTHING },
    { header: "SERVERS", cell: ({ servers }) => String(servers) },
  ],
  name: ({ name }) => name,
  empty: { text: "no sizes yet", hint: "sizes: { small: { abstract: { cores: 2, memory: 4GB } } } for lab apply -f" },
  declares: "size",
};

function amount(bytes: number | null): string {
  return bytes === null ? NOTHING : printQuantity(bytes);
}

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Size[]) => onlyNamed("size", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/sizes", view: VIEW, narrow });
}
