import { parseDurationMs } from "../../core/duration.ts";
import { LabError } from "../../core/errors.ts";
import type { AuditEntry } from "../../operations/kinds/audit-entry.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { limitOf } from "../render/document.ts";
import { clockTime, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<AuditEntry> = {
  columns: [
    { header: "TIME", cell: ({ time }) => clockTime(time), exact: ({ time }) => time },
    { header: "NODE", cell: ({ node }) => node || NOTHING },
    { header: "ACTOR", cell: ({ actor }) => actor },
    { header: "ACTION", cell: ({ action }) => action },
    { header: "OBJECT", cell: ({ object }) => object },
    {
      header: "DECISION",
      cell: ({ decision }) => (decision === "denied" ? "✗ denied" : "✓ allowed"),
      exact: ({ decision }) => decision,
    },
    { header: "REASON", cell: ({ reason }) => reason },
    { header: "SEQ", wide: true, cell: ({ seq }) => String(seq) },
    { header: "HASH", wide: true, cell: ({ hash }) => hash },
  ],
  name: ({ hash }) => hash,
  empty: { text: "no audit entries" },
};

export function run(ctx: CommandContext): Promise<number> {
  const nodes = ctx.args.all("NAME");
  // The newest entries stand last. A sorted list is cut after sorting, like every other.
  const newest = ctx.flags.on("sort-by") ? undefined : limitOf(ctx);
  return runList(ctx, {
    path: "/v1/audit",
    query: { since: sinceOf(ctx), limit: nodes.length === 0 ? newest : undefined },
    view: VIEW,
    narrow(items) {
      const named = nodes.length === 0 ? items : items.filter(({ node }) => nodes.includes(node));
      return newest === undefined ? named : named.slice(-newest);
    },
  });
}

/** `--since` as a time: an age counts back from now. Throws `Usage`. */
function sinceOf(ctx: CommandContext): string | undefined {
  const text = ctx.flags.value("since");
  if (text === undefined) return undefined;
  if (/^\d+[a-z]/.test(text)) return new Date(ctx.io.now() - parseDurationMs(text, "since")).toISOString();
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    const hint = "an age like 24h or a time like 2026-03-15T14:00:00Z";
    throw new LabError("Usage", `--since cannot be "${text}"`, { field: "since", hint });
  }
  return new Date(ms).toISOString();
}
