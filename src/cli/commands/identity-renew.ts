import { parseDurationMs } from "../../core/duration.ts";
import { LabError } from "../../core/errors.ts";
import { isRoleLabel, requireServerName } from "../../core/names.ts";
import type { Token } from "../../operations/kinds/token.ts";
import type { CommandContext } from "../command.ts";
import { warnOfLastRoles } from "../signing/last-holder.ts";
import { cutKeys, gather } from "../signing/removing.ts";
import { printItem } from "../render/document.ts";
import { withAuthority } from "../signing/root-signing.ts";
import { requireSubject, type Signing } from "../signing/signing.ts";

const DEFAULT_TTL = "60m";

/** `lab identity renew`: the old key is cut, and in the past of the token that lets the machine in again. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  if (ctx.flags.value("out") !== undefined) {
    throw new LabError("Usage", "the token is told once, to whoever signs", { field: "out", hint: "leave --out away" });
  }
  const ttlMs = parseDurationMs(ctx.flags.value("ttl") ?? DEFAULT_TTL, "ttl");
  await withAuthority(ctx, { servers: [name] }, (signing) => renew(ctx, signing, name, ttlMs));
  return 0;
}

async function renew(ctx: CommandContext, signing: Signing, name: string, ttlMs: number): Promise<void> {
  const { session, keys, random } = signing;
  const { chooseIssuer, createToken } = await import("../../operator/token.ts");
  await gather(ctx, signing, { servers: [name] });
  const { context } = session;
  const subject = requireSubject(context, name);
  const roles = Object.keys(subject.roles);
  warnOfLastRoles(ctx, context, name, roles);
  // Its own role log ends with its key: it could not redeem its own token.
  const others = context.coordinators.filter((one) => one.name !== name);
  const issuer = chooseIssuer({ ...context, coordinators: others });
  const labels = subject.labels.filter((label) => !isRoleLabel(label));
  const wishes = { name, labels, attributes: subject.attributes, ttlMs };
  const token = createToken({ keys, random }, session.mesh, issuer, wishes, ctx.io.now());
  await cutKeys(ctx, signing, {
    keys: [subject.key],
    whom: `server ${name}`,
    reason: ctx.flags.value("reason") ?? "renewed",
    changes: null,
    after: { acts: [token.body] },
  });
  const expires = new Date(token.expiresMs).toISOString();
  const item = { id: token.id, token: token.text, name, labels: [...token.labels], expires, issuer: issuer.name };
  await printItem<Token>(ctx, { kind: "Token", meta: context.meta, item }, { name: ({ id }) => id }, () => [
    token.text,
  ]);
  ctx.note(`${name} is refused from now on. Next, on that machine:`);
  ctx.note("  lab leave --force");
  ctx.note("  lab join TOKEN");
  ctx.note("  lab agent --detach");
  if (roles.length > 0) ctx.note(`then, if it shall have them again: lab label server ${name} ${roles.join(" ")}`);
}
