import { userInfo } from "node:os";
import { equalBytes, fromHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { sshFingerprint, sshKeyLine } from "../../core/ssh/public-key.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Status } from "../../operations/kinds/status.ts";
import type { OperatorKey } from "../../operator/files/key-file.ts";
import type { CommandContext } from "../command.ts";
import { deviceName, operatorNameOf } from "../machine/device-name.ts";
import { founderKey } from "../keys/founder-key.ts";
import { makeKey } from "../keys/new-key.ts";
import { readSshKeyText } from "../keys/ssh-key-text.ts";

/** `lab operator request`: a key for this device, and the public line of it that an operator grants. */
export async function run(ctx: CommandContext): Promise<number> {
  const [given] = ctx.args.all("NAME");
  const name =
    given === undefined
      ? operatorNameOf(ctx.io.env, userInfo().username)
      : requireServerName(given, "name", "an operator");
  if (ctx.flags.on("founding")) return askToFound(ctx, name);
  const [connection, { openPlatform }, files] = await Promise.all([
    ctx.connect(),
    import("../node-door.ts"),
    import("../../operator/files/key-file.ts"),
  ]);
  const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const mesh = fromHex(item.mesh);
  if (mesh === null)
    throw new LabError("PeerFailed", "the agent's answer makes no sense: no mesh", { hint: "lab status" });
  const { keys, random } = await openPlatform();
  const { operatorDir } = ctx.place;
  // Two keys of one person on one device differ in the name of their file.
  const file = ctx.io.env["LAB_OPERATOR"] || name;
  let key: OperatorKey;
  if (files.keyFileNames(operatorDir).includes(file)) {
    key = files.readKeyFile(operatorDir, file);
    if (!equalBytes(key.mesh, mesh)) {
      throw new LabError("AlreadyExists", `${files.keyFilePath(operatorDir, file)} is a key for another mesh`, {
        hint: "LAB_CONFIG=DIR in front of the command keeps two meshes apart",
      });
    }
  } else {
    const wish = ctx.flags.value("elsewhere");
    if (wish === undefined) {
      const { custody, signer } = await makeKey(ctx, { keys, random }, name);
      key = { name: file, mesh, publicKey: signer.publicKey, custody };
    } else {
      const { key: publicKey, application } = readSshKeyText(ctx, wish, "elsewhere");
      key = { name: file, mesh, publicKey, custody: { kind: "elsewhere", application } };
    }
    files.writeKeyFile(operatorDir, key);
  }
  const line = printLine(ctx, keys, name, key);
  ctx.note("next, where an operator's key is (nothing of this line is secret):");
  ctx.note(`  lab operator add ${name} --key '${line}'`);
  return 0;
}

/** For a mesh that there is not yet: no agent is asked. */
async function askToFound(ctx: CommandContext, name: string): Promise<number> {
  const { openPlatform } = await import("../node-door.ts");
  const { keys, random } = await openPlatform();
  const key = await founderKey(ctx, { keys, random }, { name, file: ctx.io.env["LAB_OPERATOR"] || name });
  const line = printLine(ctx, keys, name, key);
  ctx.note("next, where another founder is (nothing of this line is secret):");
  ctx.note(`  lab init --local --founder '${name}=${line}' --root K --out FILE`);
  return 0;
}

function printLine(ctx: CommandContext, keys: Pick<Keys, "hash">, name: string, key: OperatorKey): string {
  const application = "application" in key.custody ? key.custody.application : null;
  const line = sshKeyLine({ key: key.publicKey, application, comment: `${name}@${deviceName()}` });
  ctx.print(`${line}\n`);
  ctx.note(`key ${sshFingerprint(keys, { key: key.publicKey, application })}`);
  return line;
}
