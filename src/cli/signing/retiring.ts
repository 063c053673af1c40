import { LabError } from "../../core/errors.ts";
import { isRoleLabel } from "../../core/names.ts";
import { declaredServerPath, serverAttributePath, serverLabelPath } from "../../core/paths.ts";
import type { Write } from "../../operator/write.ts";
import type { CommandContext } from "../command.ts";
import { lastRoles } from "./last-holder.ts";
import { cutKeys, gather } from "./removing.ts";
import { requireSubject, type Signing } from "./signing.ts";

/** Cuts a machine's key and removes what desired state says of it. Throws `InUse` for the last holder of a role. */
export async function retire(ctx: CommandContext, signing: Signing, name: string): Promise<void> {
  const { session } = signing;
  await gather(ctx, signing, { servers: [name], paths: [declaredServerPath(name)] });
  const { context } = session;
  const { id, key, labels, attributes, roles } = requireSubject(context, name);
  const [last] = lastRoles(context, name, Object.keys(roles));
  if (last !== undefined) {
    const target = last === "coordinator" ? "lab coordinator migrate --target NODE" : `lab label server NODE ${last}`;
    throw new LabError("InUse", `${name} is the only ${last}`, { hint: `${target}, then this again` });
  }
  const declared = context.current[declaredServerPath(name)] !== undefined;
  const paths = [
    ...labels.filter((label) => !isRoleLabel(label)).map((label) => serverLabelPath(id, label)),
    ...Object.keys(attributes).map((attribute) => serverAttributePath(id, attribute)),
    ...(declared ? [declaredServerPath(name)] : []),
  ];
  const mayWrite = context.logs.some(({ rank, rights }) => rank > 0 && rights.includes("ops"));
  const written = mayWrite && ctx.flags.value("out") === undefined ? paths : [];
  if (written.length > 0) await session.refresh({ servers: [name], paths: written });
  const state = await cutKeys(ctx, signing, {
    keys: [key],
    whom: `server ${name}`,
    reason: ctx.flags.value("reason") ?? "retired",
    changes: [
      { action: "revoke", kind: "server", name, field: "identity", from: id.slice(0, 12), to: null, why: "retired" },
    ],
    after: { writes: written.map((path): Write => ({ path, value: undefined })) },
  });
  if (state === "signed") ctx.note(`the name ${name} is free; what was signed about it stays in the audit`);
}
