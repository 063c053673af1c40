import { toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { SecretApplied } from "../../operations/kinds/applied.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { connectSecrets, fetchValue } from "../connection/secrets-connection.ts";
import { requireAgent, type Signing, withSigning } from "../signing/signing.ts";

/**
 * The value, byte for byte, on stdout: this machine's own, or, where it is not entitled, that of an operator who may read
 * it and has a key here.
 */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  if (ctx.flags.on("as-operator")) {
    const connection = await ctx.connect("agent");
    await withSigning(ctx, await subjectsOf(path), (signing) => printAsOperator(ctx, signing, path), connection);
    return 0;
  }
  try {
    await printOfMachine(ctx, path);
  } catch (refused) {
    if (!(refused instanceof LabError) || refused.code !== "NotAuthorised") throw refused;
    if (!(await isReadByOperator(ctx, path))) throw refused;
  }
  return 0;
}

async function printOfMachine(ctx: CommandContext, path: string): Promise<void> {
  const connection = await connectSecrets(ctx);
  try {
    ctx.print(await fetchValue(connection, path));
  } finally {
    await connection.close();
  }
}

/** False where no key is here that may read it: nobody is asked for a passphrase in vain. */
async function isReadByOperator(ctx: CommandContext, path: string): Promise<boolean> {
  const { keyFileNames, readKeyFile } = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  const names = keyFileNames(operatorDir);
  if (names.length === 0) return false;
  const connection = await ctx.connect();
  if (connection.via !== "agent") return false;
  const readers = await readersOf(connection, path);
  if (!names.some((name) => readers.has(toHex(readKeyFile(operatorDir, name).publicKey)))) return false;
  const read = async (signing: Signing) => {
    ctx.note(`this machine is not entitled to ${path}: asking for ${signing.session.operator}`);
    await printAsOperator(ctx, signing, path);
  };
  await withSigning(ctx, await subjectsOf(path), read, connection);
  return true;
}

/** Keys of the operators who may read it, as the agent says. */
async function readersOf(connection: Connection, path: string): Promise<ReadonlySet<string>> {
  try {
    const document = await connection.call("GET", "/v1/applied/secrets", { query: { path } });
    return new Set(((document as ItemDocument<SecretApplied>).item.operators ?? []).map(({ key }) => key));
  } catch (error) {
    if (error instanceof LabError && error.code === "NotFound") return new Set();
    throw error;
  }
}

async function subjectsOf(path: string) {
  const { readSubjects } = await import("../../operator/secret-read.ts");
  return readSubjects(path);
}

async function printAsOperator(ctx: CommandContext, { session, keys, connection }: Signing, path: string) {
  requireAgent(connection);
  const { readSecret } = await import("../../operator/secret-read.ts");
  const value = await readSecret(session, keys, connection, path);
  try {
    ctx.print(value.reveal());
  } finally {
    value.wipe();
  }
}
