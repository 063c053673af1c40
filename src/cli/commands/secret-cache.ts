import type { CachedSecret } from "../../operations/kinds/cached-secret.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { ago, clockTime, NOTHING, span } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<CachedSecret> = {
  columns: [
    { header: "SECRET", cell: ({ path }) => path },
    { header: "CACHED", cell: ({ version }) => (version === null ? NOTHING : "✓") },
    {
      header: "FETCHED",
      cell: ({ fetched }, nowMs) => (fetched === null ? NOTHING : ago(fetched, nowMs)),
      exact: ({ fetched }) => fetched ?? "",
    },
    { header: "TTL", cell: ttl, exact: ({ refresh }) => refresh ?? "" },
    { header: "STATUS", cell: ({ status }) => status },
    {
      header: "BEFORE",
      wide: true,
      cell: ({ beforeUntil }) => (beforeUntil ? `until ${clockTime(beforeUntil)}` : NOTHING),
      exact: ({ beforeUntil }) => beforeUntil ?? "",
    },
    { header: "VERSION", wide: true, cell: ({ version }) => version?.slice(0, 12) ?? NOTHING },
  ],
  name: ({ path }) => path,
  empty: { text: "this machine is entitled to no secret that was set", hint: "lab get secrets" },
};

function ttl({ version, refresh }: CachedSecret, nowMs: number): string {
  if (version === null) return NOTHING;
  if (refresh === null) return "no expiry";
  const leftMs = Date.parse(refresh) - nowMs;
  return leftMs > 0 ? `${span(leftMs)} left` : "due";
}

export function run(ctx: CommandContext): Promise<number> {
  return runList(ctx, { path: "/v1/secret-cache", view: VIEW });
}
