import { parseDurationMs } from "../../core/duration.ts";
import { requireSecretPath } from "../../core/names.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { SecretAccess, SecretFinding } from "../../operations/kinds/secret-report.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { fetchList } from "../lists/list-request.ts";
import { noteFreshness, printList } from "../render/document.ts";
import { paint } from "../render/paint.ts";
import { ago, clockTime, NOTHING, printable } from "../render/text.ts";
import type { View } from "../render/view.ts";
import { wrapped } from "../render/wrapped.ts";

const ACCESSES: View<SecretAccess> = {
  columns: [
    { header: "LAST", cell: ({ time }) => clockTime(time), exact: ({ time }) => time },
    { header: "READER", cell: ({ machine, operator }) => (operator ? `${operator} (operator)` : machine) },
    { header: "SECRET", cell: ({ path }) => path },
    {
      header: "DECISION",
      cell: ({ decision }) => (decision === "denied" ? "✗ denied" : "✓ allowed"),
      exact: ({ decision }) => decision,
    },
    { header: "TIMES", cell: ({ times }) => String(times) },
    { header: "STORE", cell: ({ store }) => store },
    { header: "FIRST", wide: true, cell: ({ first }, nowMs) => ago(first, nowMs), exact: ({ first }) => first },
    { header: "VERSION", wide: true, cell: ({ version }) => version?.slice(0, 12) ?? NOTHING },
    { header: "REASON", wide: true, cell: ({ reason }) => reason || NOTHING },
  ],
  name: ({ path }) => path,
  empty: { text: "nobody asked for it" },
};

const FINDINGS: View<SecretFinding> = {
  columns: [
    { header: "SEVERITY", cell: ({ severity }) => severity },
    { header: "KIND", cell: ({ kind }) => kind },
    { header: "FINDING", cell: ({ text }) => text },
  ],
  name: ({ kind, paths }) => paths[0] ?? kind,
  empty: { text: "" },
};

const MARK = { critical: "✗", warning: "⚠", info: "–" } as const;

/** `lab secret audit`: what is wrong; with a path or `--reads`, who read what when. */
export async function run(ctx: CommandContext): Promise<number> {
  const [given] = ctx.args.all("PATH");
  const path = given === undefined ? undefined : requireSecretPath(given);
  if (path !== undefined || ctx.flags.on("reads")) {
    return runList(ctx, { path: "/v1/secret-accesses", query: { path, since: sinceOf(ctx) }, view: ACCESSES });
  }
  const connection = await ctx.connect();
  const document = await fetchList(connection, { path: "/v1/secret-findings", view: FINDINGS });
  const { name } = ctx.globals.format;
  if (name !== "table" && name !== "wide") await printList(ctx, document, FINDINGS);
  else printFindings(ctx, document);
  return document.items.some(({ severity }) => severity === "critical") && ctx.flags.on("exit-code") ? 3 : 0;
}

function printFindings(ctx: CommandContext, { items, meta }: ListDocument<SecretFinding>): void {
  const told = items.map(({ severity, text }) => `${MARK[severity]} ${text}`);
  const isReferenced = !items.some(({ kind }) => kind === "orphaned");
  const good = isReferenced ? ["✓ All secrets are referenced by at least one applied class/label"] : [];
  const lines = [...good, ...told].flatMap((line) => wrapped(`  ${line}`, 2));
  ctx.print(lines.map((line) => `${paint(printable(line), ctx.io.color)}\n`).join(""));
  noteFreshness(ctx, meta);
}

function sinceOf(ctx: CommandContext): string | undefined {
  const text = ctx.flags.value("since");
  if (text === undefined) return undefined;
  return new Date(ctx.io.now() - parseDurationMs(text, "since")).toISOString();
}
