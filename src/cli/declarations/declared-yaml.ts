import type { ItemDocument, Meta } from "../../operations/kinds/meta.ts";
import type { Kind } from "../../operations/declarations/registry.ts";
import type { DeclarationState } from "../../operator/declarations/state.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";

/** One record in envelope form. */
export interface Envelope {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The declarations of things with these names, as `lab apply` reads them: applied, they change nothing. */
export async function fetchEnvelopes(
  connection: Connection,
  kind: Kind,
  names: readonly string[],
): Promise<{ readonly envelopes: Envelope[]; readonly undeclared: string[]; readonly state: DeclarationState }> {
  const [{ askState }, { envelopeOf }] = await Promise.all([
    import("../../operator/declarations/state.ts"),
    import("../../operator/declarations/envelope.ts"),
  ]);
  const servers = kind === "server" ? [...names] : [];
  const state = await askState(connection, { servers, managedBy: null, usersOf: { labels: [], sizes: [] } });
  const found = names.map((name) => ({ name, envelope: envelopeOf(kind, name, state) }));
  return {
    envelopes: found.flatMap(({ envelope }) => (envelope === null ? [] : [envelope])),
    undeclared: found.flatMap(({ name, envelope }) => (envelope === null ? [name] : [])),
    state,
  };
}

/** `-o yaml` of a kind that files can declare. What no file and no command declared has no declaration: that is told. */
export async function printDeclared(
  ctx: CommandContext,
  connection: Connection,
  kind: Kind,
  names: readonly string[],
): Promise<Pick<ItemDocument<unknown>, "meta">> {
  const { envelopes, undeclared, state } = await fetchEnvelopes(connection, kind, names);
  ctx.print(await yamlOf(envelopes, kind, ctx.flags.on("shorthand") ? "shorthand" : "envelopes"));
  if (undeclared.length > 0) {
    const some = undeclared.slice(0, 5).join(", ");
    const more = undeclared.length > 5 ? ` and ${undeclared.length - 5} more` : "";
    ctx.note(`not declared, and left out: ${kind} ${some}${more}`);
  }
  return { meta: state.meta as Meta };
}

export async function yamlOf(
  envelopes: readonly Envelope[],
  kind: Kind,
  form: "shorthand" | "envelopes",
): Promise<string> {
  const { yamlText } = await import("../render/yaml-text.ts");
  if (form === "envelopes") return envelopes.map((envelope) => yamlText(envelope)).join("---\n");
  const things =
    kind === "alert"
      ? envelopes.map(({ metadata, spec }) => ({ ...metadata, ...spec }))
      : Object.fromEntries(envelopes.map(({ metadata: { name }, spec }) => [name, spec]));
  return yamlText({ [`${kind}s`]: things });
}
