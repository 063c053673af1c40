import { LabError } from "../../core/errors.ts";
import { isServerName, requireServerName } from "../../core/names.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { sshFingerprint, type SshKey } from "../../core/ssh/public-key.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { Operator } from "../../operations/kinds/operator.ts";
import type { CommandContext } from "../command.ts";
import { signOrWrite } from "../signing/orders.ts";
import { printChanges, type Signing, withSigning } from "../signing/signing.ts";
import { readSshKeyText } from "../keys/ssh-key-text.ts";

/** `lab operator add`: one more key, of somebody new or of somebody's next device. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"), "name", "an operator");
  await withSigning(ctx, {}, (signing) => add(ctx, signing, name));
  return 0;
}

async function add(ctx: CommandContext, { session, keys, connection }: Signing, name: string): Promise<void> {
  const [{ grantBody }, wishes] = await Promise.all([
    import("../../operator/authority.ts"),
    import("../../operator/operator-wishes.ts"),
  ]);
  const { flags } = ctx;
  const key = await readKey(ctx, keys);
  const fingerprint = sshFingerprint(keys, key);
  if (!keys.isSafeKey(key.key)) {
    throw new LabError("Invalid", `${fingerprint} is not a safe Ed25519 key`, {
      field: "key",
      hint: "make another one",
    });
  }
  const { items } = (await connection.call("GET", "/v1/operators")) as ListDocument<Operator>;
  const hex = Buffer.from(key.key).toString("hex");
  const same = items.find((one) => one.key === hex && one.state === "live");
  if (same !== undefined) {
    throw new LabError("AlreadyExists", `this key is ${same.name}'s already, with rank ${same.rank}`, {
      hint: "lab get operators",
    });
  }
  const own = session.context.logs.find(({ log }) => log === session.logWith("admin"))?.rank ?? 1;
  const rank = wishes.readRank(flags.value("rank"), own);
  const device = flags.value("device") ?? deviceIn(key.comment);
  const grant = grantBody(
    {
      name,
      key: key.key,
      rank,
      rights: wishes.readRights(flags.value("rights")),
      need: wishes.readNeed(flags.value("need")),
      ...(device === undefined ? {} : { device: requireServerName(device, "device", "a device") }),
      ...(key.application === null ? {} : { application: key.application }),
    },
    ctx.io.now(),
  );
  const state = await signOrWrite(ctx, session, { acts: [grant] });
  if (state === "written") return;
  await printChanges(ctx, session.context, [
    { action: "grant", kind: "operator", name, field: "key", from: null, to: fingerprint, why: null },
  ]);
  if (state === "waiting") return;
  const before = items.filter((one) => one.name === name && one.state === "live").length;
  ctx.note(before === 0 ? `${name} is an operator now` : `${name} has ${before + 1} keys now`);
  ctx.note(
    rank > own
      ? `rank ${rank}: your key can remove this one, and not the other way round`
      : `rank ${rank}, as yours: neither can remove the other; only the recovery code can`,
  );
}

/** `--key` as a line, a file or standard input, or a key of the SSH agent. */
async function readKey(ctx: CommandContext, keys: Keys): Promise<SshKey> {
  const [line, wish] = [ctx.flags.value("key"), ctx.flags.value("ssh-agent")];
  if (wish !== undefined) {
    const [{ sshAgentOf }, { chooseSshKey }] = await Promise.all([
      import("../../operator/files/ssh-agent.ts"),
      import("../../operator/ssh/choose-key.ts"),
    ]);
    return chooseSshKey(keys, await sshAgentOf(ctx.io.env).keys(), wish);
  }
  if (line === undefined) {
    throw new LabError("Usage", "which key?", {
      field: "key",
      notes: ["lab operator request, on the device that the key is for, prints it"],
      hint: "--key 'ssh-ed25519 AAAA… bob@desk', or --key FILE",
    });
  }
  return readSshKeyText(ctx, line, "key");
}

/** `desk` of `bob@desk`, if that can be a name. */
function deviceIn(comment: string): string | undefined {
  const device = comment.split("@").at(-1) ?? "";
  return comment.includes("@") && isServerName(device) ? device : undefined;
}
