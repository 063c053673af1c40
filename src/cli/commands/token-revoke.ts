import { LabError, NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { revokedTokenPath } from "../../core/paths.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { Token } from "../../operations/kinds/token.ts";
import type { CommandContext } from "../command.ts";
import { printChanges, type Signing, withSigning } from "../signing/signing.ts";

/** `lab token revoke`: a write that the token's issuer looks for before it lets anybody in. */
export async function run(ctx: CommandContext): Promise<number> {
  const wanted = ctx.args.one("ID").toLowerCase();
  await withSigning(ctx, {}, (signing) => revoke(ctx, signing, wanted));
  return 0;
}

async function revoke(ctx: CommandContext, { session, connection }: Signing, wanted: string): Promise<void> {
  const { items } = (await connection.call("GET", "/v1/tokens")) as ListDocument<Token>;
  const token = chooseToken(items, wanted);
  const { id, name, issuer } = token;
  switch (token.status) {
    case "redeemed":
      throw new LabError("Invalid", `token ${id} was redeemed: taking it back would change nothing`, {
        hint: name === null ? "lab get servers, then lab identity revoke NAME" : `lab identity revoke ${name}`,
      });
    case "revoked":
      await printChanges(ctx, session.context, []);
      return;
    case "expired":
    case "void":
    case "open":
    case undefined:
      break;
  }
  const path = revokedTokenPath(id);
  await session.refresh({ paths: [path] });
  await session.sign({ writes: [{ path, value: { reason: ctx.flags.value("reason") ?? "" } }] });
  await printChanges(ctx, session.context, [
    { action: "revoke", kind: "token", name: id, field: null, from: null, to: null, why: name },
  ]);
  const silent = session.context.coordinators.some((one) => one.name === issuer && one.online !== "yes");
  if (silent) ctx.warn(`${issuer} redeems it and does not answer now: until it hears of this it lets its bearer in`);
}

/** By its whole id or the beginning of it. */
function chooseToken(items: readonly Token[], wanted: string): Token {
  const fitting = items.filter(({ id }) => id === wanted || (wanted.length >= 6 && id.startsWith(wanted)));
  const [first] = fitting;
  if (first === undefined) {
    throw new NotFoundError(
      "token",
      wanted,
      nearest(
        wanted,
        items.map(({ id }) => id),
      ),
    );
  }
  if (fitting.length === 1) return first;
  throw new LabError("Usage", `several tokens begin with ${wanted}`, { field: "id", hint: "lab get tokens" });
}
