import { LabError } from "../../core/errors.ts";
import type { ItemDocument, ListDocument, Meta } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import { paint } from "./paint.ts";
import { valuesAt, valueText } from "./path.ts";
import { type Cell, cellText, renderTable } from "./table.ts";
import { ago, NOTHING, printable } from "./text.ts";
import type { Column, View } from "./view.ts";

/** Prints a list in the format that was asked for, and says on stderr how fresh it is where that matters. */
export async function printList<T>(ctx: CommandContext, document: ListDocument<T>, view: View<T>): Promise<void> {
  const shown = { ...document, items: arrange(ctx, document.items) };
  ctx.print(await listText(ctx, shown, view));
  const { name } = ctx.globals.format;
  if (shown.items.length === 0 && (name === "table" || name === "wide")) {
    ctx.note(view.empty.text);
    if (view.empty.hint) ctx.note(`hint: ${view.empty.hint}`);
  }
  noteFreshness(ctx, document.meta);
}

/** Prints one thing; `page` is its form for people. */
export async function printItem<T>(
  ctx: CommandContext,
  document: ItemDocument<T>,
  view: Pick<View<T>, "name">,
  page: (item: T) => readonly string[],
): Promise<void> {
  const { format } = ctx.globals;
  switch (format.name) {
    case "table":
    case "wide":
      ctx.print(joined(page(document.item).map((line) => paint(printable(line), ctx.io.color))));
      break;
    case "json":
      ctx.print(`${JSON.stringify(document, null, 2)}\n`);
      break;
    case "yaml":
      ctx.print(await asYaml(document));
      break;
    case "name": {
      const name = view.name(document.item);
      if (name !== "") ctx.print(`${name}\n`);
      break;
    }
    case "jsonpath":
      ctx.print(pathText(document, format.spec));
      break;
    case "columns":
    case "csv":
      throw new LabError("Usage", `-o ${format.name} is for lists`, { field: "output", hint: "-o json" });
  }
  noteFreshness(ctx, document.meta);
}

async function listText<T>(ctx: CommandContext, document: ListDocument<T>, view: View<T>): Promise<string> {
  const { format } = ctx.globals;
  const nowMs = ctx.io.now();
  const headers = !ctx.flags.on("no-headers");
  const { items } = document;
  switch (format.name) {
    case "table":
    case "wide": {
      if (items.length === 0) return "";
      const columns = view.columns.filter((column) => format.name === "wide" || !column.wide);
      return tableText(
        ctx,
        columns.map((column) => column.header),
        items.map((item) => columns.map((column) => column.cell(item, nowMs))),
      );
    }
    case "columns": {
      const columns = parseColumns(format.spec);
      const rows = items.map((item) => columns.map(({ path }) => valuesText(item, path)));
      return tableText(
        ctx,
        columns.map(({ header }) => header),
        rows,
      );
    }
    case "csv": {
      const rows = items.map((item) => view.columns.map((column) => csvCell(column, item, nowMs)));
      return csvText(headers ? [view.columns.map((column) => column.header), ...rows] : rows);
    }
    case "json":
      return `${JSON.stringify(document, null, 2)}\n`;
    case "yaml":
      return asYaml(document);
    case "name":
      return joined(items.map((item) => view.name(item)));
    case "jsonpath":
      return pathText(document, format.spec);
  }
}

function tableText(ctx: CommandContext, headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const options = { columns: ctx.io.columns, headers: !ctx.flags.on("no-headers") };
  return joined(renderTable(headers, rows, options).map((line) => paint(line, ctx.io.color)));
}

/** `--sort-by` and `--limit`, on what arrived. */
export function arrange<T>(ctx: CommandContext, items: readonly T[]): readonly T[] {
  const field = ctx.flags.value("sort-by");
  const sorted = field === undefined ? items : sortBy(items, field);
  return sorted.slice(0, limitOf(ctx) ?? sorted.length);
}

/** `--limit`. Throws `Usage`. */
export function limitOf(ctx: CommandContext): number | undefined {
  const text = ctx.flags.value("limit");
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LabError("Usage", `--limit cannot be "${text}"`, { field: "limit", hint: "a whole number above zero" });
}

function sortBy<T>(items: readonly T[], field: string): readonly T[] {
  const keyed = items.map((item) => ({ item, key: valuesAt(item, field)[0] }));
  if (items.length > 0 && keyed.every(({ key }) => key === undefined)) {
    const hint = `fields: ${Object.keys(items[0] ?? {}).join(", ")}`;
    throw new LabError("Usage", `--sort-by: nothing has a field "${field}"`, { field: "sort-by", hint });
  }
  return keyed.sort((a, b) => compareKeys(a.key, b.key)).map(({ item }) => item);
}

/** What has no value stands last; numbers inside names count as numbers (web-2 before web-10). */
function compareKeys(a: unknown, b: unknown): number {
  const [noA, noB] = [a === undefined || a === null, b === undefined || b === null];
  if (noA || noB) return Number(noA) - Number(noB);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return valueText(a, "").localeCompare(valueText(b, ""), "en", { numeric: true });
}

function parseColumns(spec: string): readonly { readonly header: string; readonly path: string }[] {
  return spec.split(",").map((part) => {
    const [, header, path = part] = /^([^:]+):(.+)$/.exec(part) ?? [];
    return { header: header ?? path.replace(/^[.$]+/, "").toUpperCase(), path };
  });
}

function valuesText(item: unknown, path: string): string {
  const values = valuesAt(item, path).map((value) => valueText(value, NOTHING));
  return values.join(",") || NOTHING;
}

function pathText(document: unknown, path: string): string {
  return joined(valuesAt(document, path).map((value) => valueText(value, "")));
}

async function asYaml(document: unknown): Promise<string> {
  return (await import("./yaml-text.ts")).yamlText(document);
}

/** Exact where the table is made for eyes, empty where it has a dash. */
function csvCell<T>(column: Column<T>, item: T, nowMs: number): string {
  const cell = column.exact ? column.exact(item) : column.cell(item, nowMs);
  return cell === NOTHING || cell === null ? "" : cellText(cell);
}

/** RFC 4180, with LF. */
function csvText(rows: readonly (readonly string[])[]): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return joined(rows.map((row) => row.map(quoted).join(",")));
}

/** At a terminal, when the answering peer does not hear every member. */
export function noteFreshness(ctx: CommandContext, { peer, asOf, behind, begins = [] }: Meta): void {
  for (const { operator, entry, at } of begins) {
    ctx.note(
      `on peer ${peer} the ledger of ${operator} begins at entry ${entry}, of ${at.slice(0, 10)}: what was before, coordinators and secret stores tell`,
    );
  }
  if (behind.length === 0 || ctx.io.columns === undefined) return;
  const nowMs = ctx.io.now();
  const silent = behind.map((one) => `${one.peer} (${one.lastHeard === null ? "never" : ago(one.lastHeard, nowMs)})`);
  ctx.note(`⚠ seen by peer ${peer}, as of ${ago(asOf, nowMs)}; not heard from ${silent.join(", ")}`);
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
