import { fromHex } from "../../core/bytes.ts";
import { LabError, NotFoundError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { secretPath, secretVersionPath } from "../../core/paths.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { SecretVersion } from "../../operations/kinds/secret-version.ts";
import type { CommandContext } from "../command.ts";
import { requireAgent, type Signing, withSigning } from "../signing/signing.ts";

/** `lab secret rollback PATH [--to VERSION]`: the value of a version that stores still keep, as a new version. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const connection = await ctx.connect("agent");
  const document = await connection.call("GET", "/v1/secret-versions", { query: { path } });
  const versions = (document as ListDocument<SecretVersion>).items;
  const older = choose(path, versions, ctx.flags.value("to"));
  const paths = [secretPath(path), secretVersionPath(path)];
  await withSigning(ctx, { paths }, (signing) => rollBack(ctx, signing, older), connection);
  return 0;
}

/** The version that is meant, which has to be in a store. Throws `NotFound`, `SecretUnavailable`, `Usage`. */
function choose(path: string, versions: readonly SecretVersion[], to: string | undefined): SecretVersion {
  const known = versions.filter(({ state }) => state !== "removal");
  const older = known.filter(({ state }) => state !== "current");
  const hint = `lab secret history ${path}`;
  const [found, ...others] =
    to === undefined ? older.slice(0, 1) : known.filter(({ version }) => version.startsWith(to));
  if (found === undefined) {
    if (to !== undefined) throw new NotFoundError("version", to, []);
    throw new LabError("NotFound", `"${path}" has no older version`, { hint });
  }
  if (others.length > 0) throw new LabError("Usage", `several versions begin with ${to}`, { field: "to", hint });
  if (found.state === "current") throw new LabError("Usage", "that is the current version", { field: "to", hint });
  if (found.stores !== null && found.stores.length === 0) {
    throw new LabError(
      "SecretUnavailable",
      `no store that can be reached keeps version ${found.version.slice(0, 12)}`,
      {
        hint,
      },
    );
  }
  return found;
}

async function rollBack(ctx: CommandContext, signing: Signing, older: SecretVersion): Promise<void> {
  const { session, connection, keys } = signing;
  const { context, known } = session;
  requireAgent(connection);
  const { path } = older;
  const [{ writeVersion }, { signedVersion }] = await Promise.all([
    import("../../core/secrets/version.ts"),
    import("../../operator/signed-version.ts"),
  ]);
  const signed = await signedVersion(connection, keys, known, older);
  const isDeclared = context.current[secretPath(path)] !== undefined;
  const heads = fromHex(context.seen) ?? new Uint8Array(0);
  const again = { heads, tips: context.tips, restores: older.version, atMs: ctx.io.now() };
  const metadata = writeVersion({ ...signed, ...again });
  const { links } = await session.sign({
    writes: [
      ...(isDeclared ? [] : [{ path: secretPath(path), value: { type: "static" } }]),
      { path: secretVersionPath(path), value: metadata },
    ],
  });
  const version = links.find(({ writes }) => writes.some((write) => write.path === secretVersionPath(path)))?.entry.id;
  const answer = (await connection.call("POST", "/v1/secret-restorations", { body: { path, version } })) as {
    readonly stores: readonly { readonly name: string; readonly stored: boolean }[];
  };
  const having = answer.stores
    .filter(({ stored }) => stored)
    .map(({ name }) => name)
    .sort();
  if (having.length === 0) {
    throw new LabError("SecretUnavailable", `no store has made the older value the current one of ${path}`, {
      notes: ["the return is signed; a store that keeps the older value makes it as soon as it hears of it"],
      hint: `lab secret history ${path}`,
    });
  }
  const from = older.version.slice(0, 12);
  ctx.print(
    `${path}: as ${from} again, in ${having.length} of ${answer.stores.length} stores (${having.join(", ")})\n`,
  );
}
