import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fromHex, toBase64Url } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { secretOperatorsPath, secretPath, secretVersionPath } from "../../core/paths.ts";
import type { Json } from "../../core/json.ts";
import { Secret } from "../../core/secret.ts";
import { SEALED_CLASS } from "../../core/secrets/version.ts";
import type { OperatorContext } from "../../operator/requests.ts";
import type { SecretApplied } from "../../operations/kinds/applied.ts";
import type { ItemDocument, ListDocument } from "../../operations/kinds/meta.ts";
import type { Secret as ListedSecret } from "../../operations/kinds/secret.ts";
import { askHidden } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { wrapped } from "../render/wrapped.ts";
import { requireAgent, type Signing, withSigning } from "../signing/signing.ts";

/** `lab secret set`: what is signed goes to every peer, the sealed value to the stores alone. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const value = new Secret(await readValue(ctx, path));
  try {
    if (value.byteLength === 0) requireMeant(ctx, path);
    const paths = [secretPath(path), secretVersionPath(path), secretOperatorsPath(path)];
    const connection = await ctx.connect("replica");
    // Whom the policy grants it, as the agent says; what keys they have, the signed entries say.
    const servers = (await secretOf(connection, path))?.machines.map(({ name }) => name) ?? [];
    const set = (signing: Signing) => setSecret(ctx, signing, path, value);
    await withSigning(ctx, { paths, servers }, set, connection);
  } finally {
    value.wipe();
  }
  return 0;
}

async function setSecret(ctx: CommandContext, signing: Signing, path: string, value: Secret): Promise<void> {
  const { session, keys, random, connection } = signing;
  const { context, mesh } = session;
  requireAgent(connection);
  requireStores(context);
  const [{ prepareSealed, prepareSecret }, { deliverEnvelope }] = await Promise.all([
    import("../../core/secrets/prepare.ts"),
    import("../../operator/requests.ts"),
  ]);
  const heads = fromHex(context.seen) ?? new Uint8Array(0);
  const facts = { keys, random, mesh, path, value, heads, tips: context.tips, nowMs: ctx.io.now() };
  const declared = context.current[secretPath(path)];
  const isDeclared = declared !== undefined;
  const recovery = context.recovery === null ? [] : [context.recovery];
  const prepared = isSealed(declared)
    ? await prepareSealed(facts, [...(await readersOf(ctx, signing, path)), ...recovery])
    : prepareSecret(facts);
  const { links } = await session.sign({
    writes: [
      ...(isDeclared ? [] : [{ path: secretPath(path), value: { type: "static" } }]),
      { path: secretVersionPath(path), value: prepared.metadata },
    ],
  });
  const written = links.find(({ writes }) => writes.some((write) => write.path === secretVersionPath(path)));
  if (written === undefined) throw new Error("the version was not written");
  const version = written.entry.id;
  const recipients = [...context.stores.map(({ seal }) => seal), ...recovery];
  const envelope = toBase64Url(await prepared.finish(version, [...new Set(recipients)].sort()));
  const { stores } = await deliverEnvelope(connection, { path, version, envelope }).catch(rethrowUndelivered);
  report(ctx, path, stores);
  await noteReaders(ctx, connection, path);
}

function isSealed(declared: Json | undefined): boolean {
  return (declared as { readonly class?: Json } | undefined)?.class === SEALED_CLASS;
}

/** Recipients of the machines and operators that may read it. Throws `Invalid` where it would be sealed to nobody. */
async function readersOf(ctx: CommandContext, { session, keys, connection }: Signing, path: string): Promise<string[]> {
  const { known, context } = session;
  const machines = Object.entries(context.servers).flatMap(([name, subject]) => {
    const node = subject?.state === "active" ? known.authority.nodes.get(subject.id) : undefined;
    return node === undefined ? [] : [{ name, recipient: node.seal }];
  });
  const { sealedReaders } = await import("../../operator/sealed-readers.ts");
  const named = context.current[secretOperatorsPath(path)];
  const operators = await sealedReaders(connection, keys, known, path, named);
  for (const { name, recipient } of operators) {
    if (recipient === null)
      ctx.warn(`${name} may read it and has no recipient: lab operator recipient, and set it again`);
  }
  const readers = [...machines, ...operators].filter(({ recipient }) => recipient !== null);
  if (readers.length > 0) {
    for (const line of wrapped(`sealed to ${readers.map(({ name }) => name).join(", ")}`, 2)) ctx.note(line);
    return [...new Set(readers.map(({ recipient }) => recipient as string))].sort();
  }
  throw new LabError("Invalid", `"${path}" is sealed to those who may read it, and nobody may yet`, {
    hint: `first a label that declares it: labels: {web: {secrets: [${path}]}}`,
  });
}

async function secretOf(connection: Connection, path: string): Promise<SecretApplied | null> {
  try {
    const document = await connection.call("GET", "/v1/applied/secrets", { query: { path } });
    return (document as ItemDocument<SecretApplied>).item;
  } catch (error) {
    if (error instanceof LabError && error.code === "NotFound") return null;
    throw error;
  }
}

/** A secret that no label declares is readable by nobody, which surprises whoever sets the first one. */
async function noteReaders(ctx: CommandContext, connection: Connection, path: string): Promise<void> {
  const { items } = (await connection.call("GET", "/v1/secrets")) as ListDocument<ListedSecret>;
  const usedBy = items.find((item) => item.path === path)?.usedBy ?? [];
  if (usedBy.length > 0) {
    const count = (servers: number) => `${servers} ${servers === 1 ? "server" : "servers"}`;
    const users = usedBy.map(({ label, servers }) => `${label} (${count(servers)})`).join(", ");
    for (const line of wrapped(`accessible by: ${users}`, 2)) ctx.print(`${line}\n`);
    return;
  }
  ctx.note("no machine may read it yet: a label has to declare it, for example");
  ctx.note(`  echo 'labels: {web: {secrets: [${path}]}}' | lab apply -f -`);
}

function requireStores({ stores }: OperatorContext): void {
  if (stores.length > 0) return;
  throw new LabError("SecretUnavailable", "no machine has the label secret-store, so nobody would keep the value", {
    hint: "lab label server NAME secret-store",
  });
}

function rethrowUndelivered(cause: unknown): never {
  if (!(cause instanceof LabError)) throw cause;
  const notes = ["the new version is signed, and its value is in no store", ...(cause.facts.notes ?? [])];
  throw new LabError(cause.code, cause.message, { ...cause.facts, notes, hint: "set it again" }, { cause });
}

function report(ctx: CommandContext, path: string, stores: readonly { name: string; stored: boolean }[]): void {
  const having = stores
    .filter(({ stored }) => stored)
    .map(({ name }) => name)
    .sort();
  const lacking = stores
    .filter(({ stored }) => !stored)
    .map(({ name }) => name)
    .sort();
  if (having.length === 0) {
    throw new LabError("SecretUnavailable", `no store has taken the value of ${path}`, {
      notes: [`asked: ${lacking.join(", ") || "none"}`],
      hint: "set it again when one of them is back",
    });
  }
  ctx.print(`${path}: in ${having.length} of ${stores.length} stores (${having.join(", ")})\n`);
  if (lacking.length > 0) ctx.note(`${lacking.join(", ")} will get it from the others`);
}

/** Nothing on standard input is what a program that failed leaves. Throws `Invalid` unless a file is what is empty. */
function requireMeant(ctx: CommandContext, path: string): void {
  if (ctx.flags.value("from-file") !== undefined) return;
  throw new LabError("Invalid", `the value is empty: nothing is set as "${path}"`, {
    hint: `if it is meant to be: lab secret set ${path} --from-file /dev/null`,
  });
}

async function readValue(ctx: CommandContext, path: string): Promise<Uint8Array> {
  const file = ctx.flags.value("from-file");
  if (file !== undefined) return readFile(resolve(ctx.io.cwd, file));
  if (ctx.io.stdin.isTTY) {
    const hint = `lab secret set ${path} --from-file FILE`;
    return new Uint8Array(Buffer.from(await askHidden(ctx, `Value of ${path}`, hint), "utf8"));
  }
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.io.stdin) chunks.push(Buffer.from(chunk as Buffer));
  return new Uint8Array(Buffer.concat(chunks));
}

function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const facts = { field: "from-file", hint: "--from-file FILE, or the value on standard input" };
    if (code === "ENOENT") throw new LabError("NotFound", `${path} does not exist`, facts, { cause });
    throw new LabError("InvalidFile", `${path} cannot be read: ${code}`, facts, { cause });
  }
}
