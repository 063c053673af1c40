import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fromHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Status } from "../../operations/kinds/status.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import type { Session, Subjects } from "../../operator/session.ts";
import { askHidden } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";
import { type Signing, withSigning } from "./signing.ts";

/** Of what the recovery code signed on this device. A tilde is in no operator's name. */
const DIRECTORY = "root~";

/**
 * Signs acts of authority as the operator or, with `--as-root` and `--code`, as the root of the mesh: with the own key
 * where that is root, else with the recovery code.
 */
export async function withAuthority<T>(
  ctx: CommandContext,
  subjects: Subjects,
  run: (signing: Signing) => Promise<T>,
): Promise<T> {
  if (ctx.flags.value("code") !== undefined) return asRoot(ctx, subjects, run);
  if (!ctx.flags.on("as-root")) return withSigning(ctx, subjects, run);
  const own = await withSigning(ctx, subjects, async (signing) => {
    if (signing.session.context.logs.every(({ rank }) => rank > 0)) return null;
    signing.session.actAsRoot();
    return { done: await run(signing) };
  });
  return own === null ? asRoot(ctx, subjects, run) : own.done;
}

function asRoot<T>(ctx: CommandContext, subjects: Subjects, run: (signing: Signing) => Promise<T>): Promise<T> {
  return withCode(ctx, subjects, (signing) => {
    signing.session.actAsRoot();
    return run(signing);
  });
}

/** A session of the key behind a recovery code, which need not be root: a later code is an operator's. */
export async function withCode<T>(
  ctx: CommandContext,
  subjects: Subjects,
  run: (signing: Signing) => Promise<T>,
): Promise<T> {
  const [connection, { openPlatform }, { openLooseSession }] = await Promise.all([
    ctx.connect("replica"),
    import("../node-door.ts"),
    import("../../operator/session.ts"),
  ]);
  const { keys, random } = await openPlatform();
  const signer = await codeSigner(ctx, keys);
  const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const mesh = fromHex(item.mesh);
  if (mesh === null) throw new LabError("PeerFailed", "the agent's answer makes no sense", { hint: "lab status" });
  let session: Session | undefined;
  try {
    session = await openLooseSession(
      {
        keys,
        operatorDir: ctx.place.operatorDir,
        operator: undefined,
        courier: connection,
        unlock: () => Promise.resolve(signer),
        now: () => ctx.io.now(),
        note: (text) => ctx.note(text),
      },
      { directory: DIRECTORY, name: "root", mesh, publicKey: signer.publicKey },
      subjects,
    );
    return await run({ session, keys, random, connection });
  } finally {
    session?.close();
  }
}

/** The signer behind the recovery code that somebody gives. */
export async function codeSigner(ctx: CommandContext, keys: Keys): Promise<OperatorSigner> {
  const code = await readCode(ctx);
  const [{ recoveryKeys }, { seedSigner }] = await Promise.all([
    import("../../operator/recovery.ts"),
    import("../../operator/signer.ts"),
  ]);
  return seedSigner(keys, (await recoveryKeys(keys, code)).root);
}

/** Twelve words, from a file or from whoever sits at the terminal. */
export async function readCode(ctx: CommandContext): Promise<string> {
  const file = ctx.flags.value("code");
  if (file === undefined) return askHidden(ctx, "Recovery code (twelve words)", "--code FILE");
  const path = resolve(ctx.io.cwd, file);
  try {
    const lines = readFileSync(path, "utf8").split(/\r?\n/);
    return lines.filter((line) => !line.startsWith("#")).join(" ");
  } catch (cause) {
    throw new LabError("InvalidFile", `${path} cannot be read`, { field: "code", hint: "--code FILE" }, { cause });
  }
}
